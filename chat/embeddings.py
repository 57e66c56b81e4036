"""Texts as vectors, for clients: asked in Redis, made by a worker, fetched from Redis."""

from typing import Any
from uuid import UUID

import structlog
from pydantic import BaseModel

from agents import loop
from agents.endpoints import broker
from agents.errors import AgentError, LLMError
from agents.llm import budget
from agents.llm.tokenizer import Tokenizer
from chat.events import Problem
from tracer import live

KEPT_SECONDS = 120

logger = structlog.get_logger(__name__)


class Wanted(BaseModel):
    """What a client wants embedded: texts, or texts as tokens."""

    model: str
    texts: list[str | list[int]]


class Embedded(BaseModel):
    """What came of it."""

    vectors: list[list[float]] = []
    tokens: int = 0
    error: Problem | None = None


def asked_key(embedding: UUID) -> str:
    """Return the key of what was asked."""
    return f"parley:embedding:{embedding}:asked"


def done_key(embedding: UUID) -> str:
    """Return the key of the list that what came of it is put into."""
    return f"parley:embedding:{embedding}:done"


def answer(embedding: UUID) -> None:
    """Embed what was asked, if it still is."""
    held: Any = live.connection().getdel(asked_key(embedding))
    if held is None:
        return
    done = _embedded(Wanted.model_validate_json(held))
    client = live.connection()
    client.rpush(done_key(embedding), done.model_dump_json())
    client.expire(done_key(embedding), KEPT_SECONDS)


def _embedded(wanted: Wanted) -> Embedded:
    try:
        texts = [_text(each) for each in wanted.texts]
        vectors = loop.wait(broker().aembed(wanted.model, texts))
    except AgentError as error:
        problem = Problem(code=error.code, detail=str(error), retryable=error.retryable)
        return Embedded(error=problem)
    except Exception:
        logger.exception("embedding_failed")
        detail = "Something went wrong inside Parley; the log has the details. Try again."
        return Embedded(error=Problem(code="internal", detail=detail, retryable=True))
    return Embedded(vectors=vectors, tokens=sum(budget.estimate(text) for text in texts))


def _text(given: str | list[int]) -> str:
    if isinstance(given, str):
        return given
    try:
        return Tokenizer().decode(given)
    except (KeyError, OverflowError) as error:
        msg = "These are no tokens of cl100k_base. Send texts."
        raise LLMError(msg, code="invalid") from error
