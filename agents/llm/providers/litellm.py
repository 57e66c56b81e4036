"""Every vendor that LiteLLM speaks for. The package is heavy, so it is loaded when needed."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from typing_extensions import override

from agents.errors import LLMError
from agents.llm.config import Timeouts
from agents.llm.errors import dropped, http_error, our_errors, unreadable
from agents.llm.registry import model_info, models_with_keys
from agents.llm.request import Provider, Request, Sink
from agents.llm.wire import Assembly, payload
from agents.messages import Reply

WHERE = "The model's provider"
MARKER = {"type": "ephemeral"}

Untyped = Any  # LiteLLM has no types


class LiteLLM(Provider):
    """Calls models by LiteLLM's names, such as "anthropic/…" or "gemini/…"."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        library = await asyncio.to_thread(_load)
        assembly = Assembly(sink)
        now = asyncio.get_running_loop().time
        first = self._timeouts.connect + self._timeouts.first_token
        with _our_errors(library):
            async with asyncio.timeout(first) as deadline:
                stream = await library.acompletion(**body(request), num_retries=0)
                async for chunk in stream:
                    deadline.reschedule(now() + self._timeouts.between_tokens)
                    assembly.take(chunk.model_dump())
        if assembly.finish_reason is None:
            raise dropped(WHERE)
        return assembly.reply()

    @override
    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        library = await asyncio.to_thread(_load)
        with _our_errors(library):
            async with asyncio.timeout(self._timeouts.connect + self._timeouts.first_token):
                answered = await library.aembedding(model=model, input=list(texts), num_retries=0)
        try:
            found = sorted(answered.data, key=lambda each: each["index"])
            vectors = [[float(value) for value in each["embedding"]] for each in found]
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(WHERE) from error
        if len(vectors) != len(texts):
            raise unreadable(WHERE)
        return vectors

    @override
    async def transcribe(self, model: str, audio: bytes, *, name: str) -> str:
        library = await asyncio.to_thread(_load)
        with _our_errors(library):
            async with asyncio.timeout(self._timeouts.connect + self._timeouts.first_token):
                answered = await library.atranscription(model=model, file=(name, audio))
        return str(answered.text)

    @override
    async def models(self) -> list[str]:
        """Return the models of the vendors whose key is in the environment, by the package."""
        return models_with_keys(os.environ)


def body(request: Request) -> dict[str, Any]:
    """Return a call as LiteLLM takes it: OpenAI's, with the marks that some vendors want.

    Claude keeps a conversation for its next call if it is marked how far: behind the system
    prompt, which has the tools before it, and behind the newest message.
    """
    written = payload(request)
    messages: list[dict[str, Any]] = written["messages"]
    for message, turn in zip(messages, request.turns, strict=True):
        if turn.signed:
            message["thinking_blocks"] = list(turn.signed)
    if model_info(request.model).cache_markers:
        system = [message for message in messages if message["role"] == "system"]
        for message in (*system[-1:], *messages[-1:]):
            _mark(message)
    return written


def _mark(message: dict[str, Any]) -> None:
    content = message["content"]
    if message["role"] == "tool":
        message["cache_control"] = MARKER
    elif isinstance(content, str) and content:
        message["content"] = [{"type": "text", "text": content, "cache_control": MARKER}]
    elif isinstance(content, list) and content:
        message["content"] = [*content[:-1], {**content[-1], "cache_control": MARKER}]


@contextmanager
def _our_errors(library: Untyped) -> Iterator[None]:
    with our_errors(WHERE):
        try:
            yield
        except library.exceptions.APIConnectionError as error:
            sentence = f"{WHERE} can't be reached, or broke off. Try again."
            raise LLMError(sentence, code="unreachable", retryable=True) from error
        except library.openai.OpenAIError as error:
            raise _our_error(error) from error


def _our_error(error: Untyped) -> LLMError:
    status = int(getattr(error, "status_code", None) or 500)
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    detail = str(getattr(error, "message", "") or type(error).__name__)
    return http_error(status, where=WHERE, detail=detail, retry_after=headers.get("retry-after"))


def _load() -> Untyped:
    """Import LiteLLM, told not to look for its price list on the network."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.telemetry = False
    litellm.drop_params = True
    litellm.suppress_debug_info = True
    return litellm
