"""Ollama's own wire: its window, its thinking, its models, and getting new ones."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic_core import from_json
from typing_extensions import override

from agents.llm import http, parameters
from agents.llm.config import CompletionConfig, Timeouts
from agents.llm.errors import dropped, our_errors, streamed_error, unreadable
from agents.llm.request import Provider, Request, Sink
from agents.llm.speech import Speech
from agents.llm.wire import function
from agents.messages import Reply, ToolCall, Turn, Usage
from agents.text import clean

WINDOW = 32_768  # Ollama's own default cuts a conversation off after a few thousand tokens
LIST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a model has come. `total` is 0 while nothing is known."""

    status: str
    completed: int = 0
    total: int = 0


class Ollama(Provider):
    """A server of Ollama, by its native interface."""

    def __init__(self, address: str, timeouts: Timeouts) -> None:
        """Make a provider.

        Args:
            address: Such as "http://127.0.0.1:11434".
            timeouts: How long to wait.
        """
        self._url = address.rstrip("/")
        self._where = urlsplit(self._url).netloc or self._url
        self._timeouts = timeouts

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        said = _Said(sink)
        first = self._timeouts.connect + self._timeouts.first_token
        now = asyncio.get_running_loop().time
        with our_errors(self._where):
            async with asyncio.timeout(first) as deadline, self._post("chat", chat(request)) as got:
                async for line in http.lines(got, sink):
                    deadline.reschedule(now() + self._timeouts.between_tokens)
                    said.take(self._chunk(line))
        if not said.done:
            raise dropped(self._where)
        return said.reply()

    @override
    async def models(self) -> list[str]:
        with our_errors(self._where):
            async with (
                asyncio.timeout(LIST_SECONDS),
                http.session().get(f"{self._url}/api/tags") as response,
            ):
                await http.check(response, where=self._where)
                listed = await response.json(content_type=None)
        try:
            return [str(model["name"]) for model in listed["models"]]
        except (KeyError, TypeError) as error:
            raise unreadable(self._where) from error

    @override
    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        body = {"model": model, "input": list(texts)}
        with our_errors(self._where):
            async with (
                asyncio.timeout(self._timeouts.connect + self._timeouts.first_token),
                self._post("embed", body) as response,
            ):
                answered = await response.json(content_type=None)
        try:
            vectors = [[float(value) for value in each] for each in answered["embeddings"]]
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(self._where) from error
        if len(vectors) != len(texts):
            raise unreadable(self._where)
        return vectors

    async def pull(self, model: str) -> AsyncIterator[PullProgress]:
        """Have the server get a model, and tell how far it is.

        Raises:
            LLMError: It can't be had.
        """
        with our_errors(self._where):
            async with self._post("pull", {"model": model, "stream": True}) as response:
                async for line in http.lines(response):
                    told = self._chunk(line)
                    yield PullProgress(
                        status=str(told.get("status", "")),
                        completed=int(told.get("completed") or 0),
                        total=int(told.get("total") or 0),
                    )

    def _post(self, verb: str, body: dict[str, Any]) -> "http.Checked":
        return http.Checked(
            http.session().post(
                f"{self._url}/api/{verb}",
                json=body,
                timeout=http.patience(self._timeouts.connect),
            ),
            where=self._where,
        )

    def _chunk(self, line: bytes) -> dict[str, Any]:
        chunk = from_json(line)
        if not isinstance(chunk, dict):
            raise unreadable(self._where)
        if error := chunk.get("error"):
            raise streamed_error(error, where=self._where)
        return chunk


def chat(request: Request) -> dict[str, Any]:
    """Return the body of a chat."""
    config = request.config
    body: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(turn, request.turns) for turn in request.turns],
        "stream": True,
        "options": _options(config),
    }
    if request.tools:
        body["tools"] = [function(tool) for tool in request.tools]
    if config.reasoning_effort is not None:
        body["think"] = False if config.reasoning_effort == "none" else config.reasoning_effort
    if config.response_format == "json":
        body["format"] = "json"
    elif schema := config.schema_wanted:
        body["format"] = schema
    return body


def _options(config: CompletionConfig) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "num_ctx": config.num_ctx or WINDOW,
        "num_predict": config.output_limit,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "top_k": config.top_k,
        "seed": config.seed,
        "stop": list(config.stop) or None,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _message(turn: Turn, turns: Sequence[Turn]) -> dict[str, Any]:
    written: dict[str, Any] = {"role": turn.role, "content": turn.content}
    if turn.role == "tool":
        written["tool_name"] = _called(turn.call_id, turns)
    if turn.calls:
        written["tool_calls"] = [
            {"function": {"name": call.name, "arguments": _object(call.arguments)}}
            for call in turn.calls
        ]
    images = [part.image for part in turn.parts if part.image and "model" in part.audience]
    if data := [image.partition("base64,")[2] for image in images if image.startswith("data:")]:
        written["images"] = data
    if len(data) < len(images):
        parameters.leave_out("ollama", {"images by address": len(images) - len(data)})
    return written


def _called(call_id: str | None, turns: Sequence[Turn]) -> str:
    return next((c.name for turn in turns for c in turn.calls if c.id == call_id), "")


def _object(arguments: str) -> dict[str, Any]:
    try:
        found = json.loads(arguments or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class _Said:
    """A reply put together from its chunks."""

    def __init__(self, sink: Sink) -> None:
        self.done = False
        self._speech = Speech(sink)
        self._calls: list[ToolCall] = []
        self._usage = Usage()
        self._reason = "stop"

    def take(self, chunk: dict[str, Any]) -> None:
        """Take one chunk; its text goes to the sink at once."""
        message = chunk.get("message") or {}
        if thought := message.get("thinking"):
            self._speech.think(thought)
        if text := message.get("content"):
            self._speech.say(text)
        for call in message.get("tool_calls") or ():
            called = call.get("function") or {}
            arguments = called.get("arguments") or {}
            written = arguments if isinstance(arguments, str) else json.dumps(arguments)
            name = clean(str(called.get("name") or ""))
            self._calls.append(
                ToolCall(id=f"call_{uuid4().hex}", name=name, arguments=clean(written))
            )
        if chunk.get("done"):
            self.done = True
            self._reason = chunk.get("done_reason") or "stop"
            self._usage = Usage(
                prompt_tokens=chunk.get("prompt_eval_count") or 0,
                completion_tokens=chunk.get("eval_count") or 0,
            )

    def reply(self) -> Reply:
        """Return the whole reply."""
        self._speech.end()
        return Reply(
            content=self._speech.content,
            thinking=self._speech.thoughts,
            calls=tuple(self._calls),
            usage=self._usage,
            finish_reason="tool_calls" if self._calls else self._reason,
        )
