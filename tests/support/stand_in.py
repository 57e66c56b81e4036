"""A model server that does what a message tells it to: OpenAI's wire, scripted.

The last message of the person is a script, in JSON; see `Script`. Run it by itself with
`python -m tests.support.stand_in`: it prints its address and serves until it is ended.
"""

import asyncio
import contextlib
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from tests.support.serving import in_a_thread

MODEL = "stand-in"
WORDS = ("plain ", "grüße ", "日本 ", "🙂🙃 ", "line\n", "**bold** ", "\n\n", "end. ")


class Call(BaseModel):
    """A tool to ask for."""

    name: str
    arguments: str


class Script(BaseModel):
    """What the server is to do.

    Attributes:
        tokens: How many tokens to stream.
        text: What to say, instead.
        thinks: What to think before, a word at a time, at the same pace.
        per_second: How fast; as fast as it goes if 0.
        stamped: Whether each token carries the time at which it was sent.
        waits: How long to wait before the first word, in seconds; also behind tools' results.
        calls: The tools to ask for, all at once, their arguments in pieces.
        fail: What goes wrong, behind `after` tokens.
    """

    model_config = ConfigDict(extra="forbid")

    tokens: int = 0
    text: str | None = None
    thinks: str = ""
    per_second: float = 0
    stamped: bool = False
    waits: float = 0
    calls: list[Call] = []
    fail: Literal["", "429", "500", "401", "drop", "malformed", "silence", "error"] = ""
    after: int = 0

    def pieces(self) -> Iterator[str]:
        """Yield the tokens."""
        if self.text is not None:
            yield from (self.text[start : start + 7] for start in range(0, len(self.text), 7))
        elif self.stamped:
            for number in range(self.tokens):
                yield f"{number}@{time.monotonic_ns() // 1000} "
        else:
            yield from tokens(self.tokens)


def script(**what: Any) -> str:
    """Write a message that tells the server what to do; see `Script`."""
    return json.dumps(what)


def tokens(count: int) -> Iterator[str]:
    """Yield `count` tokens of all kinds of characters, each telling its number."""
    for number in range(count):
        yield f"{number}:{WORDS[number % len(WORDS)]}"


class StandIn:
    """The server's application, and what it has seen."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.requests: list[dict[str, Any]] = []
        self.times: list[float] = []  # when each chat completion was asked for
        self.most_characters = 10**9  # of a conversation; longer ones are refused
        self.summary = "A SUMMARY"
        self.summaries_fail = False

    def application(self) -> web.Application:
        """Return what to serve."""
        app = web.Application(client_max_size=50_000_000)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/chat/completions", self.complete)
        app.router.add_post("/v1/embeddings", self.embed)
        app.router.add_post("/v1/audio/transcriptions", self.transcribe)
        app.router.add_post("/api/chat", self.chat)
        app.router.add_get("/api/tags", self.tags)
        app.router.add_post("/api/embed", self.embed_for_ollama)
        app.router.add_post("/api/pull", self.pull)
        app.router.add_get("/stats", self.stats)
        return app

    async def models(self, _: web.Request) -> web.Response:
        """List the one model."""
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def stats(self, _: web.Request) -> web.Response:
        """Tell what was asked, how often streams ended well, and how often they were cut."""
        return web.json_response(dict(self.seen))

    async def embed(self, request: web.Request) -> web.Response:
        """Give each text a vector: its length, and the number of its words."""
        body = await request.json()
        self.requests.append(body)
        data = [
            {"object": "embedding", "index": number, "embedding": _vector(text)}
            for number, text in enumerate(body["input"])
        ]
        return web.json_response({"object": "list", "data": data[::-1]})

    async def transcribe(self, request: web.Request) -> web.Response:
        """Take a recording for the text that it is; an empty one can't be heard."""
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        heard = file.file.read().decode()
        self.requests.append({"model": form["model"], "name": file.filename})
        if not heard:
            return web.json_response({"error": {"message": "no speech"}}, status=400)
        return web.json_response({"text": heard})

    async def embed_for_ollama(self, request: web.Request) -> web.Response:
        """Do the same on Ollama's wire."""
        body = await request.json()
        self.requests.append(body)
        return web.json_response({"embeddings": [_vector(text) for text in body["input"]]})

    async def tags(self, _: web.Request) -> web.Response:
        """List the one model on Ollama's wire."""
        return web.json_response({"models": [{"name": f"{MODEL}:latest"}]})

    async def pull(self, request: web.Request) -> web.StreamResponse:
        """Get a model, in three steps; one named "missing" is not there."""
        body = await request.json()
        response = web.StreamResponse()
        await response.prepare(request)
        if body["model"] == "missing":
            await response.write(_line({"error": "pull model manifest: file does not exist"}))
            return response
        await response.write(_line({"status": "pulling manifest"}))
        for completed in (50, 100):
            told = {"status": "pulling 1a2b", "completed": completed, "total": 100}
            await response.write(_line(told))
        await response.write(_line({"status": "success"}))
        return response

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer as the script says, on Ollama's wire."""
        body = await request.json()
        self.requests.append(body)
        self.seen["started"] += 1
        script = script_of(body["messages"])
        if script.fail in {"429", "500"} and script.after == 0:
            return web.json_response({"error": f"scripted {script.fail}"}, status=int(script.fail))
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        count = 0
        if body.get("think"):
            await response.write(_said(body, {"content": "", "thinking": "Let me see."}))
        async for piece in paced(script, script.pieces()):
            if script.fail and count == script.after:
                await _go_wrong_for_ollama(script.fail, response, request)
                return response
            await response.write(_said(body, {"content": piece}))
            count += 1
        for call in script.calls:
            called = {"name": call.name, "arguments": json.loads(call.arguments)}
            message = {"content": "", "tool_calls": [{"function": called}]}
            await response.write(_said(body, message))
        end = {"done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": count}
        await response.write(_said(body, {"content": ""}, **end))
        self.seen["finished"] += 1
        return response

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer as the script says."""
        body = await request.json()
        self.requests.append(body)
        self.times.append(time.monotonic())
        self.seen["started"] += 1
        if sum(len(each.get("content") or "") for each in body["messages"]) > self.most_characters:
            return _too_long()
        script = self._summary(body["messages"]) or script_of(body["messages"])
        if script.fail in {"429", "500", "401"} and script.after == 0:
            return _refusal(script.fail)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await self._stream(script, response, request)
        except asyncio.CancelledError:
            self.seen["cut"] += 1
            raise
        except ConnectionError:
            self.seen["cut"] += 1
            return response
        self.seen["finished"] += 1
        return response

    def _summary(self, messages: list[dict[str, Any]]) -> Script | None:
        """Return what to answer to somebody who wants a conversation summarised."""
        if not str(messages[-1]["content"]).endswith("</conversation>"):
            return None
        self.seen["summaries"] += 1
        return Script(fail="500") if self.summaries_fail else Script(text=self.summary)

    async def _stream(
        self, script: Script, response: web.StreamResponse, request: web.Request
    ) -> None:
        count = 0
        await asyncio.sleep(script.waits)
        async for word in paced(Script(per_second=script.per_second), words(script.thinks)):
            await response.write(_chunk({"reasoning_content": word}))
        async for piece in paced(script, script.pieces()):
            if script.fail and count == script.after:
                break
            await response.write(_chunk({"content": piece}))
            count += 1
        if script.fail:
            await _go_wrong(script.fail, response, request)
            return
        for number, call in enumerate(script.calls):
            start = {"index": number, "id": f"call_{number}", "type": "function"}
            named = {**start, "function": {"name": call.name, "arguments": ""}}
            await response.write(_chunk({"tool_calls": [named]}))
        for number, call in enumerate(script.calls):
            for start_at in range(0, len(call.arguments), 5):
                piece = call.arguments[start_at : start_at + 5]
                delta = {"index": number, "function": {"arguments": piece}}
                await response.write(_chunk({"tool_calls": [delta]}))
        reason = "tool_calls" if script.calls else "stop"
        await response.write(_chunk({}, finish_reason=reason))
        usage = {"prompt_tokens": 7, "completion_tokens": count}
        await response.write(_event({"choices": [], "usage": usage}))
        await response.write(b"data: [DONE]\n\n")


def words(text: str) -> Iterator[str]:
    """Cut a text behind each space."""
    yield from re.findall(r"\S+\s*", text)


async def paced(script: Script, pieces: Iterator[str]) -> AsyncIterator[str]:
    """Yield tokens at the script's pace."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    number = 0
    while True:
        if script.per_second:
            pause = started + number / script.per_second - loop.time()
            await asyncio.sleep(max(0.0, pause))
        if (piece := next(pieces, None)) is None:
            return
        yield piece
        number += 1


async def _go_wrong(fail: str, response: web.StreamResponse, request: web.Request) -> None:
    transport = request.transport
    match fail:
        case "malformed":
            await response.write(b"data: {this is no JSON\n\n")
        case "error":
            await response.write(_event({"error": {"message": "out of memory"}}))
        case "silence":
            await asyncio.sleep(60)
        case _:
            if transport is not None:
                transport.close()


async def _go_wrong_for_ollama(
    fail: str, response: web.StreamResponse, request: web.Request
) -> None:
    transport = request.transport
    if fail == "malformed":
        await response.write(b"{this is no JSON\n")
    elif fail == "error":
        await response.write(_line({"error": "out of memory"}))
    elif transport is not None:
        transport.close()


def _vector(text: str) -> list[float]:
    return [float(len(text)), float(len(text.split()))]


def _line(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode() + b"\n"


def _said(body: dict[str, Any], message: dict[str, Any], **more: Any) -> bytes:
    """Write a line of Ollama's chat."""
    told = {"model": body["model"], "created_at": "2026-01-01T00:00:00.000000000Z"}
    return _line({**told, "message": {"role": "assistant", **message}, "done": False, **more})


def script_of(messages: list[dict[str, Any]]) -> Script:
    """Read what the last message of the person says the server is to do."""
    last = next(each for each in reversed(messages) if each["role"] != "system")
    said = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "")
    try:
        script = Script.model_validate_json(said)
    except ValidationError:
        script = Script(text=f"You said: {said}")
    if last["role"] != "tool":
        return script
    results = [each["content"] for each in messages if each["role"] == "tool"]
    return Script(text=f"The tools say: {' '.join(results)}", waits=script.waits)


def _refusal(fail: str) -> web.Response:
    headers = {"Retry-After": "7"} if fail == "429" else {}
    error = {"error": {"message": f"scripted {fail}"}}
    return web.json_response(error, status=int(fail), headers=headers)


def _too_long() -> web.Response:
    message = "This model's maximum context length is 100 tokens. Reduce the messages."
    error = {"message": message, "code": "context_length_exceeded"}
    return web.json_response({"error": error}, status=400)


def _chunk(delta: dict[str, Any], *, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    body = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return _event({**body, "choices": [choice]})


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, StandIn]]:
    """Serve in a thread of this process; yield the base URL and what it sees."""
    stand_in = StandIn()
    with in_a_thread(stand_in.application()) as address:
        yield f"{address}/v1", stand_in


if __name__ == "__main__":
    with serving() as (address, _):
        sys.stdout.write(address + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
