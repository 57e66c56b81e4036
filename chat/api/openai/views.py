"""The endpoints: parse, ask, write what comes."""

import asyncio
import base64
import json
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import wraps
from typing import Any
from uuid import uuid4

import redis
import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from agents import selectors as agents
from chat import tasks
from chat.api.openai import wire
from chat.api.openai.asking import Caller, Question, caller_of, question
from chat.api.openai.errors import OpenAIError, of_code
from chat.api.openai.waiting import Said, Waiting
from chat.completions import Done
from chat.embeddings import KEPT_SECONDS, Embedded, Wanted, asked_key, done_key
from tracer import live

STILL_THERE_SECONDS = 15.0
MOST_TEXTS = 2_048
EMBED_SECONDS = 300.0
POLL_SECONDS = 2

Untyped = Any  # redis-py types its answers for both kinds of clients
View = Callable[..., Any]  # (Django's stubs know asynchronous views by their result only)

logger = structlog.get_logger(__name__)


def _endpoint(method: str, scope: str) -> Callable[[View], View]:
    """Make a view: for this method, for API keys with this scope, with errors as they expect."""

    def decorate(view: View) -> View:
        @csrf_exempt  # (no session counts here)
        @wraps(view)
        async def endpoint(request: HttpRequest, **more: Any) -> HttpResponseBase:
            try:
                _check_method(request, method)
                token = request.headers.get("Authorization", "")
                caller = await caller_of(token.removeprefix("Bearer ").strip(), scope)
                request.rate = caller.rate  # type: ignore[attr-defined]  # config.security tells it
                response: HttpResponseBase = await view(request, caller, **more)
            except OpenAIError as error:
                return error.response()
            except RequestDataTooBig:
                return OpenAIError("The request is too large.", status=413).response()
            except (OperationalError, InterfaceError) as error:
                logger.warning("database_away", path=request.path, error=str(error))
                msg = "The database does not answer just now. Try again."
                return OpenAIError(msg, status=503, code="unavailable").response()
            return response

        return endpoint

    return decorate


def _check_method(request: HttpRequest, method: str) -> None:
    if request.method != method:
        msg = f"{request.path} takes {method}."
        raise OpenAIError(msg, status=405, code="method_not_allowed")


# Models -----------------------------------------------------------------------------------------


@_endpoint("GET", "read")
async def models(_: HttpRequest, __: Caller) -> HttpResponseBase:
    """List the agents, and the models that embed."""
    return JsonResponse({"object": "list", "data": await _models()})


@_endpoint("GET", "read")
async def model(_: HttpRequest, __: Caller, *, name: str) -> HttpResponseBase:
    """Tell of one agent, or of a model that embeds."""
    for each in await _models():
        if each["id"] == name:
            return JsonResponse(each)
    msg = f"There is no agent {name!r}."
    raise of_code(msg, code="no_such_agent")


def _models_now() -> list[dict[str, Any]]:
    told = [
        {
            "id": agent.slug,
            "object": "model",
            "created": int(agent.created_at.timestamp()),
            "owned_by": "parley",
            "name": agent.name,
            "description": agent.description,
        }
        for agent in agents.active_agents()
    ]
    return told + [
        {"id": name, "object": "model", "created": 0, "owned_by": "parley"}
        for name in settings.EMBEDDING_MODELS
    ]


_models = database_sync_to_async(_models_now, thread_sensitive=False)


# Chat -------------------------------------------------------------------------------------------


@_endpoint("POST", "chat")
async def chat_completions(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Have an agent answer: at once, or piece by piece."""
    wanted = wire.read(wire.CompletionIn, request.body)
    asked = await question(caller, wanted, thread=request.headers.get("X-Parley-Thread"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asked)
        waiting = await asked.ask()
        if wanted.stream:
            told = _Told(wanted)
            pieces = _stream(told, waiting, stack.pop_all())  # the stream leaves the question
            response: HttpResponseBase = StreamingHttpResponse(
                pieces, content_type="text/event-stream"
            )
            response["Cache-Control"] = "no-cache"
            response["X-Accel-Buffering"] = "no"
            return _in_thread(response, asked)
        thoughts = [said.text async for said in waiting if said and said.thought]
    if waiting.done.error:
        problem = waiting.done.error
        raise of_code(
            problem.detail, code=problem.code, otherwise=503 if problem.retryable else 500
        )
    return _in_thread(JsonResponse(_whole(wanted, waiting.done, "".join(thoughts))), asked)


def _in_thread(response: HttpResponseBase, asked: Question) -> HttpResponseBase:
    if asked.thread is not None:
        response["X-Parley-Thread"] = str(asked.thread)
    return response


def _whole(wanted: wire.CompletionIn, done: Done, thoughts: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": done.content, "refusal": None}
    if thoughts:
        message["reasoning_content"] = thoughts
    if done.calls:
        message["content"] = done.content or None
        message["tool_calls"] = wire.called(done.calls, numbered=False)
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": done.finish_reason,
    }
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": wanted.model,
        "choices": [choice],
        "usage": wire.used(done.usage),
    }


class _Told:
    """The chunks of one answer."""

    def __init__(self, wanted: wire.CompletionIn) -> None:
        options = wanted.stream_options
        self._with_usage = options is not None and options.include_usage
        self._common = {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": wanted.model,
        }

    def chunk(self, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        """Write one."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        more = {"usage": None} if self._with_usage else {}
        return _event({**self._common, "choices": [choice], **more})

    def said(self, said: Said) -> bytes:
        """Write a piece of the answer, or of what comes before it."""
        return self.chunk({"reasoning_content" if said.thought else "content": said.text})

    def end(self, done: Done) -> list[bytes]:
        """Write what comes last."""
        if done.error:
            return [_event(of_code(done.error.detail, code=done.error.code, otherwise=500).body())]
        chunks: list[bytes] = []
        if done.calls:
            chunks.append(self.chunk({"tool_calls": wire.called(done.calls, numbered=True)}))
        chunks.append(self.chunk({}, finish=done.finish_reason))
        if self._with_usage:
            chunks.append(_event({**self._common, "choices": [], "usage": wire.used(done.usage)}))
        return [*chunks, b"data: [DONE]\n\n"]


async def _stream(
    told: _Told, waiting: Waiting, question_left: AsyncExitStack
) -> AsyncIterator[bytes]:
    """Yield the chunks as the answer grows. A client that goes leaves the question."""
    async with question_left:
        yield told.chunk({"role": "assistant", "content": ""})
        quiet_since = time.monotonic()
        async for said in waiting:
            if said is not None:
                quiet_since = time.monotonic()
                yield told.said(said)
            elif time.monotonic() - quiet_since > STILL_THERE_SECONDS:
                quiet_since = time.monotonic()
                yield b": still there\n\n"
        for chunk in told.end(waiting.done):
            yield chunk


def _event(content: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n".encode()


# Embeddings -------------------------------------------------------------------------------------


@_endpoint("POST", "chat")
async def embeddings(request: HttpRequest, _: Caller) -> HttpResponseBase:
    """Turn texts into vectors."""
    wanted = wire.read(wire.EmbeddingIn, request.body)
    done = await _embedded(Wanted(model=wanted.model, texts=_texts(wanted)))
    if done.error:
        problem = done.error
        raise of_code(
            problem.detail, code=problem.code, otherwise=503 if problem.retryable else 400
        )
    data = [
        {"object": "embedding", "index": number, "embedding": _written(vector, wanted)}
        for number, vector in enumerate(done.vectors)
    ]
    usage = {"prompt_tokens": done.tokens, "total_tokens": done.tokens}
    return JsonResponse({"object": "list", "data": data, "model": wanted.model, "usage": usage})


def _texts(wanted: wire.EmbeddingIn) -> list[str | list[int]]:
    """Return the texts, each as itself or as its tokens.

    Raises:
        OpenAIError: It is none of our models, or there is nothing, or too much.
    """
    if wanted.model not in settings.EMBEDDING_MODELS:
        msg = f"{wanted.model!r} is none of EMBEDDING_MODELS."
        raise OpenAIError(msg, status=404, code="model_not_found", param="model")
    if wanted.dimensions is not None:
        msg = "The number of dimensions is the model's own here."
        raise OpenAIError(msg, param="dimensions", code="unsupported_value")
    given = wanted.input
    texts: list[str | list[int]]
    if isinstance(given, str):
        texts = [given]
    elif given and all(isinstance(each, int) for each in given):
        texts = [[each for each in given if isinstance(each, int)]]
    else:
        texts = [each for each in given if not isinstance(each, int)]
    if not texts or len(texts) > MOST_TEXTS or not all(texts):
        msg = f"There are 1 to {MOST_TEXTS:,} texts, none of them empty."
        raise OpenAIError(msg, param="input")
    return texts


def _written(vector: list[float], wanted: wire.EmbeddingIn) -> list[float] | str:
    if wanted.encoding_format == "float":
        return vector
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


async def _embedded(wanted: Wanted) -> Embedded:
    """Leave texts for a worker, and wait for their vectors."""
    embedding, client = uuid4(), live.async_connection()
    redis_now: Untyped = client
    try:
        async with asyncio.timeout(EMBED_SECONDS):
            await redis_now.set(asked_key(embedding), wanted.model_dump_json(), ex=KEPT_SECONDS)
            await _send_embedding(str(embedding))
            while True:
                if found := await redis_now.blpop([done_key(embedding)], timeout=POLL_SECONDS):
                    return Embedded.model_validate_json(found[1])
    except (TimeoutError, redis.RedisError, OSError) as error:
        msg = "No worker has embedded the texts. Try again in a while."
        raise OpenAIError(msg, status=503, code="unavailable") from error
    finally:
        await client.aclose()


def _send_embedding_now(embedding: str) -> None:
    tasks.embed.delay(embedding_id=embedding)


_send_embedding = database_sync_to_async(_send_embedding_now, thread_sensitive=False)


async def nothing(request: HttpRequest, path: str = "") -> HttpResponseBase:
    """Answer for addresses that are none."""
    msg = f"There is nothing at {request.path}."
    return OpenAIError(msg, status=404, code="not_found").response()
