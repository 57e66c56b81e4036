"""Tools of MCP servers: reached over HTTP, or as a process whose command stands in the settings.

A server is connected once in a process and stays so; each connection belongs to a task of its own
on the process's loop, since it has to be closed where it was opened. One that is lost is made anew
with the next call; a call under way is never made twice.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict, JsonValue
from typing_extensions import override

from agents import loop
from agents.errors import ToolError
from agents.text import clean, clean_json, clean_object
from agents.tools.context import ToolContext
from agents.tools.definition import Tool
from agents.tools.json_schema import validator

if TYPE_CHECKING:
    from mcp import Client

CONNECT_SECONDS = 20.0
CALL_SECONDS = 120.0
CLOSE_SECONDS = 5.0
IDLE_SECONDS = 600.0
CHECK_SECONDS = 15.0  # without use, before a call is trusted to a connection
MOST_TOOLS = 200
MOST_NAME = 64
MOST_DESCRIPTION = 4_000
SEPARATOR = "__"

Untyped = Any  # what the SDK's results hold


@dataclass(frozen=True, slots=True)
class McpServer:
    """Where a server is.

    Attributes:
        slug: Its name among ours; it begins the names of its tools.
        url: Its address, if it is reached over HTTP.
        headers: Sent with each request.
        command: What starts it, if it is a process of our own.
        environment: What that process finds in its environment, beside the bare minimum.
    """

    slug: str
    url: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class RemoteTool(BaseModel):
    """What a server tells of one of its tools."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str = ""
    parameters: dict[str, JsonValue]
    idempotent: bool = False


class _Given(BaseModel):
    """Arguments that were checked by the server's schema."""

    given: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class McpTool(Tool):
    """A tool of a server, as one of ours.

    Attributes:
        server: Whose it is.
        remote: What it is called there.
    """

    server: McpServer = field(default_factory=lambda: McpServer(""))
    remote: str = ""

    @override
    def parse(self, arguments: str) -> BaseModel:
        try:
            given = json.loads(arguments or "{}")
        except ValueError as error:
            msg = f"The arguments of {self.name} are no JSON: {error}. Correct them and call again."
            raise ToolError(msg) from error
        if not isinstance(given, dict):
            msg = f"The arguments of {self.name} are no JSON object. Correct them and call again."
            raise ToolError(msg)
        faults = sorted(validator(self.parameters).iter_errors(given), key=lambda e: list(e.path))
        if faults:
            said = "; ".join(
                f"{'.'.join(map(str, each.path)) or 'the arguments'}: {each.message}"
                for each in faults[:5]
            )
            msg = f"The arguments of {self.name} don't fit: {said}. Correct them and call again."
            raise ToolError(msg)
        return _Given(given=clean_object(given))

    @override
    def call(self, arguments: BaseModel, context: ToolContext) -> JsonValue:
        assert isinstance(arguments, _Given)  # noqa: S101  (for the type checker)
        work = _call(self.server, self.remote, arguments.given)
        result = loop.wait(
            work, cancellation=context.cancellation, timeout_seconds=self.timeout_seconds
        )
        return self.limited(result, context)


def tool_of(server: McpServer, remote: RemoteTool, *, needs_approval: bool = False) -> McpTool:
    """Return a server's tool as one of ours; its name begins with the server's.

    Raises:
        ValueError: Its schema is none.
    """
    validator(remote.parameters)
    return McpTool(
        name=name_of(server.slug, remote.name),
        description=remote.description or remote.name,
        parameters=remote.parameters,
        function=_unused,
        model=_Given,
        timeout_seconds=CALL_SECONDS,
        idempotent=remote.idempotent,
        needs_approval=needs_approval,
        server=server,
        remote=remote.name,
    )


def name_of(slug: str, remote: str) -> str:
    """Return the name by which a model calls a server's tool."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{slug}{SEPARATOR}{remote}")[:MOST_NAME]


def list_tools(server: McpServer) -> list[RemoteTool]:
    """Ask a server for its tools, sorted by name.

    Raises:
        ToolError: It can't be reached, or doesn't tell.
    """
    return loop.wait(_list(server), timeout_seconds=CONNECT_SECONDS + CALL_SECONDS)


def _unused() -> None:
    """Stand in for a function: the server has it."""


# On the loop ------------------------------------------------------------------------------------


class _Connection:
    """One server, connected by a task of its own."""

    def __init__(self, server: McpServer) -> None:
        self.server = server
        self._closing = asyncio.Event()
        self._client: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())
        self._used_at = asyncio.get_running_loop().time()

    @property
    def is_over(self) -> bool:
        """Whether it can't be used any more."""
        return self._task.done() or self._closing.is_set()

    @property
    def idle_seconds(self) -> float:
        """How long nobody has used it."""
        return asyncio.get_running_loop().time() - self._used_at

    async def client(self) -> "Client":
        """Return the client, once it is connected."""
        self._used_at = asyncio.get_running_loop().time()
        return await self.ready()

    async def ready(self) -> "Client":
        """Return the client, once it is connected, without using it."""
        return await asyncio.wait_for(asyncio.shield(self._client), CONNECT_SECONDS)

    async def close(self) -> None:
        """Close it and wait until it is."""
        self._closing.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._task), CLOSE_SECONDS)
        self._task.cancel()

    async def _run(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                client = await stack.enter_async_context(await _client_of(self.server, stack))
                self._client.set_result(client)
                await self._until_unused()
        except BaseException as error:
            if not self._client.done():
                self._client.set_exception(_unreachable(self.server, error))
                self._client.exception()  # (somebody may have stopped waiting for it)
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _until_unused(self) -> None:
        now = asyncio.get_running_loop().time
        while (left := self._used_at + IDLE_SECONDS - now()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), left)
                return
        self._closing.set()


async def _client_of(server: McpServer, stack: AsyncExitStack) -> "Client":
    """Return a client of the SDK, not connected yet; the stack closes what it needs."""
    import httpx2  # noqa: PLC0415  (the SDK takes a while to load)
    from mcp import Client, StdioServerParameters  # noqa: PLC0415
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    if server.command:
        command, *arguments = server.command
        started = StdioServerParameters(
            command=command, args=arguments, env=dict(server.environment)
        )
        return Client(started, read_timeout_seconds=CALL_SECONDS, cache=None)
    timeout = httpx2.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
    http = httpx2.AsyncClient(headers=dict(server.headers), timeout=timeout)
    await stack.enter_async_context(http)
    transport = streamable_http_client(server.url, http_client=http)
    return Client(transport, read_timeout_seconds=CALL_SECONDS, cache=None)


_connections: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[McpServer, _Connection]]" = (
    WeakKeyDictionary()
)


async def _connected(server: McpServer) -> _Connection:
    """Return the process's connection to a server; one that is lost is made anew."""
    held = _connections.setdefault(asyncio.get_running_loop(), {})
    found = held.get(server)
    if found is None or found.is_over:
        found = held[server] = _Connection(server)
    try:
        await found.ready()
    except TimeoutError as error:
        held.pop(server, None)
        await found.close()
        raise _unreachable(server, error) from error
    except ToolError:
        held.pop(server, None)
        raise
    return found


async def _forget(server: McpServer) -> None:
    held = _connections.get(asyncio.get_running_loop(), {})
    if found := held.pop(server, None):
        await found.close()


async def _alive(server: McpServer) -> "Client":
    """Return a client whose server answers: one that was started anew is found again."""
    connection = await _connected(server)
    idle = connection.idle_seconds
    client = await connection.client()
    if idle < CHECK_SECONDS:
        return client
    try:
        await asyncio.wait_for(client.list_tools(), CLOSE_SECONDS)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever the SDK raises, a new connection tells)
        if not _is_answer(error):
            await _forget(server)
            client = await (await _connected(server)).client()
    return client


async def _list(server: McpServer) -> list[RemoteTool]:
    client = await _alive(server)
    found: list[RemoteTool] = []
    cursor: str | None = None
    try:
        while len(found) < MOST_TOOLS:
            page: Untyped = await client.list_tools(cursor=cursor)
            found += [_told(each) for each in page.tools]
            cursor = page.next_cursor
            if not cursor:
                break
    except asyncio.CancelledError:
        raise
    except Exception as error:
        await _lost(server, error)
        raise _unreachable(server, error) from error
    return sorted(found[:MOST_TOOLS], key=lambda each: each.name)


async def _call(server: McpServer, name: str, arguments: Mapping[str, JsonValue]) -> JsonValue:
    client = await _alive(server)
    try:
        result: Untyped = await client.call_tool(name, dict(arguments))
    except asyncio.CancelledError:
        raise
    except Exception as error:
        if await _lost(server, error):
            msg = (
                f"The connection to {server.slug} was lost during the call. Nobody knows whether "
                "it took effect: check before you call it again."
            )
            raise ToolError(msg) from error
        msg = f"{server.slug} refused the call: {_said(error)}"
        raise ToolError(msg) from error
    text = "\n".join(filter(None, map(_text, result.content)))
    if result.is_error:
        raise ToolError(clean(text) or f"{server.slug} says that the call failed, and not why.")
    if result.structured_content is not None:
        return clean_json(result.structured_content)
    return clean(text)


async def _lost(server: McpServer, error: BaseException) -> bool:
    """Drop the connection, unless the server has answered with an error; return whether it was."""
    if _is_answer(error):
        return False
    await _forget(server)
    return True


def _is_answer(error: BaseException) -> bool:
    """Tell whether the server itself has answered with an error."""
    from mcp import MCPError  # noqa: PLC0415  (loaded by now)
    from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT  # noqa: PLC0415

    gone = {CONNECTION_CLOSED, REQUEST_TIMEOUT}
    return isinstance(error, MCPError) and error.error.code not in gone


def _told(tool: Untyped) -> RemoteTool:
    hints = tool.annotations
    return RemoteTool(
        name=tool.name,
        description=clean(tool.description or "")[:MOST_DESCRIPTION],
        parameters=clean_object(tool.input_schema),
        idempotent=bool(hints and (hints.read_only_hint or hints.idempotent_hint)),
    )


def _text(block: Untyped) -> str:
    if block.type == "text":
        return str(block.text)
    if block.type == "resource" and getattr(block.resource, "text", None):
        return str(block.resource.text)
    if block.type == "resource_link":
        return f"[a resource: {block.uri}]"
    return f"[{block.type}: {getattr(block, 'mime_type', None) or 'of an unknown kind'}]"


def _unreachable(server: McpServer, error: BaseException) -> ToolError:
    return ToolError(f"{server.slug} can't be reached: {_said(error)}")


def _said(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(clean(str(error) or type(error).__name__).split())[:300]


async def _close_all() -> None:
    held = _connections.pop(asyncio.get_running_loop(), {})
    await asyncio.gather(*(each.close() for each in held.values()), return_exceptions=True)


loop.at_exit(_close_all)
