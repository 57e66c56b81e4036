"""The short road: whatever speaks OpenAI's wire, read straight off the socket.

No model objects per chunk: on this road a token costs a tenth of what a client library takes.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic_core import from_json
from typing_extensions import override

from agents.llm import http
from agents.llm.config import Endpoint, Timeouts
from agents.llm.errors import dropped, our_errors, streamed_error, unreadable
from agents.llm.request import Provider, Request, Sink
from agents.llm.sse import EventSplitter
from agents.llm.wire import Assembly, payload
from agents.messages import Reply

if TYPE_CHECKING:
    import aiohttp

DEADLINE_SECONDS = 0.25
LIST_SECONDS = 5.0
STRICT = "api.openai.com"  # it refuses what it doesn't know; servers of one's own often take more


class OpenAICompatible(Provider):
    """A server that speaks OpenAI's wire: OpenAI, Ollama, vLLM, llama-swap, LM Studio and more."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        self._url = endpoint.base_url.rstrip("/")
        self._where = urlsplit(self._url).netloc or self._url
        self._headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        self._timeouts = timeouts
        self._strict = self._where == STRICT

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        assembly = Assembly(sink)
        first = self._timeouts.connect + self._timeouts.first_token
        with our_errors(self._where):
            async with asyncio.timeout(first) as deadline, self._post(request) as response:
                await self._read(response, assembly, deadline, sink=sink)
        if assembly.finish_reason is None:
            raise dropped(self._where)
        return assembly.reply()

    @override
    async def models(self) -> list[str]:
        listed = await self._json("GET", "/models")
        try:
            return [str(model["id"]) for model in listed["data"]]
        except (KeyError, TypeError) as error:
            raise unreadable(self._where) from error

    @override
    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        body = {"model": model, "input": list(texts), "encoding_format": "float"}
        answered = await self._json(
            "POST", "/embeddings", body, timeout_seconds=self._timeouts.first_token
        )
        try:
            found = sorted(answered["data"], key=lambda each: each["index"])
            vectors = [[float(value) for value in each["embedding"]] for each in found]
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(self._where) from error
        if len(vectors) != len(texts):
            raise unreadable(self._where)
        return vectors

    @override
    async def transcribe(self, model: str, audio: bytes, *, name: str) -> str:
        import aiohttp  # noqa: PLC0415  (for those who call a server)

        form = aiohttp.FormData({"model": model, "response_format": "json"})
        form.add_field("file", audio, filename=name)
        asked = http.session().post(
            f"{self._url}/audio/transcriptions", data=form, headers=self._headers
        )
        with our_errors(self._where):
            async with (
                asyncio.timeout(self._timeouts.connect + self._timeouts.first_token),
                http.Checked(asked, where=self._where) as response,
            ):
                answered = await response.json(content_type=None)
        try:
            return str(answered["text"])
        except (KeyError, TypeError) as error:
            raise unreadable(self._where) from error

    async def _json(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        timeout_seconds: float = LIST_SECONDS,
    ) -> Any:  # noqa: ANN401  (whatever the server says)
        asked = http.session().request(
            method, f"{self._url}{path}", json=body, headers=self._headers
        )
        with our_errors(self._where):
            async with (
                asyncio.timeout(timeout_seconds),
                http.Checked(asked, where=self._where) as response,
            ):
                return await response.json(content_type=None)

    def _post(self, request: Request) -> http.Checked:
        asked = http.session().post(
            f"{self._url}/chat/completions",
            json=payload(request, strict=self._strict),
            headers=self._headers,
            timeout=http.patience(self._timeouts.connect),
        )
        return http.Checked(asked, where=self._where)

    async def _read(
        self,
        response: "aiohttp.ClientResponse",
        assembly: Assembly,
        deadline: asyncio.Timeout,
        *,
        sink: Sink,
    ) -> None:
        splitter = EventSplitter()
        now = asyncio.get_running_loop().time
        moved_at = 0.0
        async for piece in response.content.iter_any():
            if now() - moved_at > DEADLINE_SECONDS:  # a timer for each token would cost more
                moved_at = now()
                deadline.reschedule(moved_at + self._timeouts.between_tokens)
            for data in splitter.feed(piece):
                if data == b"[DONE]":
                    assembly.finish_reason = assembly.finish_reason or "stop"
                    return
                self._take(data, assembly)
            if sink.is_full:
                await http.room(sink, response)
        for data in splitter.end():
            if data != b"[DONE]":
                self._take(data, assembly)

    def _take(self, data: bytes, assembly: Assembly) -> None:
        chunk = from_json(data)
        if isinstance(chunk, dict) and chunk.get("error"):
            raise streamed_error(chunk["error"], where=self._where)
        assembly.take(chunk)
