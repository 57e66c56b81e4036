"""The process's one HTTP session on its loop, and what all wires over HTTP have in common."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from agents.llm.errors import http_error
from agents.llm.request import Sink
from agents.loop import at_exit

if TYPE_CHECKING:  # it takes a tenth of a second to load
    import aiohttp

BAD_STATUS = 400
MAX_ERROR_BYTES = 10_000
MAX_LINE_BYTES = 4_000_000

_sessions: "WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession]" = (
    WeakKeyDictionary()
)


class Checked:
    """A request in flight whose refusal is an `LLMError`. An asynchronous context manager."""

    def __init__(self, request: "aiohttp.client._RequestContextManager", *, where: str) -> None:
        """Make one.

        Args:
            request: What aiohttp's verbs return.
            where: The server, for people.
        """
        self._request = request
        self._where = where

    async def __aenter__(self) -> "aiohttp.ClientResponse":
        response = await self._request.__aenter__()
        try:
            await check(response, where=self._where)
        except BaseException:
            response.close()
            raise
        return response

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._request.__aexit__(kind, error, trace)


def session() -> "aiohttp.ClientSession":
    """Return the running loop's session; the number of its connections is not limited."""
    loop = asyncio.get_running_loop()
    found = _sessions.get(loop)
    if found is None or found.closed:
        import aiohttp  # noqa: PLC0415  (for those who call a server)

        connector = aiohttp.TCPConnector(limit=0)
        found = _sessions[loop] = aiohttp.ClientSession(connector=connector)
    return found


def patience(connect_seconds: float) -> "aiohttp.ClientTimeout":
    """Return the timeouts of a call whose answer streams: only the connection's is the session's.

    Args:
        connect_seconds: How long to wait for the connection.
    """
    import aiohttp  # noqa: PLC0415  (for those who call a server)

    return aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds)


async def check(response: "aiohttp.ClientResponse", *, where: str) -> None:
    """Raise what a refusal means.

    Raises:
        LLMError: The status is an error's.
    """
    if response.status < BAD_STATUS:
        return
    body = await response.content.read(MAX_ERROR_BYTES)
    raise http_error(
        response.status,
        where=where,
        detail=_detail(body),
        retry_after=response.headers.get("Retry-After"),
    )


async def room(sink: Sink, response: "aiohttp.ClientResponse") -> None:
    """Wait until a full sink has room, with the connection left unread.

    What comes meanwhile lies in the system's buffer: with a hundred streams, to read three
    tokens at once takes half of what it takes one by one.

    Args:
        sink: Where the text goes.
        response: Whose body is being read.
    """
    connection = response.connection  # None once all of it has come
    transport = connection.transport if connection is not None else None
    if transport is None or transport.is_closing():
        return
    transport.pause_reading()
    try:
        await sink.room()
    finally:
        if not transport.is_closing():
            transport.resume_reading()


async def lines(
    response: "aiohttp.ClientResponse", sink: Sink | None = None
) -> AsyncIterator[bytes]:
    """Yield the lines of a response that say something, whatever pieces they come in.

    Args:
        response: Whose body to read.
        sink: Where its text goes, if anywhere: while that is full, nothing is read.

    Raises:
        ValueError: A line has no end.
    """
    rest = b""
    async for piece in response.content.iter_any():
        *complete, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            msg = "a line without an end"
            raise ValueError(msg)
        for line in complete:
            if line.strip():
                yield line
        if sink is not None and sink.is_full:
            await room(sink, response)
    if rest.strip():
        yield rest


def _detail(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


async def _close_session() -> None:
    found = _sessions.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.close()


at_exit(_close_session)
