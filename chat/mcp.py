"""Parley as an MCP server, at `/mcp`: chosen tools, and agents that answer in threads of their own.

Each request brings its API key and gets a server of its own: who calls is known to it, and nothing
is kept between requests but the threads. An agent's answer is made by a worker, as every answer is;
this only waits for it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from agents import selectors as agents
from agents.delegation import name_of
from agents.errors import AgentError
from agents.models import Agent
from agents.tools import Tool, ToolContext
from agents.tools.execution import result_text
from agents.tools.registry import registry
from chat import credentials, gateway, selectors
from chat.errors import ChatError, Unauthorized
from chat.models import Message, Run, Thread, User
from chat.sockets import origin_is_ours, token_of
from tracer import live

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ListToolsResult

NAME = "Parley"
REFUSED = {"missing_scope": 403, "rate_limited": 429}
ANSWER_SECONDS = 900.0
LOOK_SECONDS = 2.0  # a hint may be lost; the row is not
ENDED = {Run.State.COMPLETED, Run.State.FAILED, Run.State.CANCELLED, Run.State.WAITING}

Untyped = Any  # ASGI's scopes and callables
Application = Callable[[Untyped, Untyped, Untyped], Awaitable[None]]

ASKING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "description": "What to say to the agent.", "minLength": 1},
        "thread": {
            "type": "string",
            "format": "uuid",
            "description": "The conversation to go on with; a new one if left out.",
        },
    },
    "required": ["message"],
    "additionalProperties": False,
}


async def application(scope: Untyped, receive: Untyped, send: Untyped) -> None:
    """Answer one request of an MCP client."""
    token = token_of(scope)
    try:
        user = await _user(token) if token and origin_is_ours(scope) else None
    except (ChatError, AgentError) as error:
        await _refuse(send, error)
        return
    if user is None:
        await _refuse(send, Unauthorized())
        return
    from mcp.server.lowlevel import Server  # noqa: PLC0415  (the SDK takes a while to load)
    from mcp.server.streamable_http_manager import (  # noqa: PLC0415
        StreamableHTTPSessionManager,
    )

    offered = _Offered(user)
    server = Server(NAME, on_list_tools=offered.list_tools, on_call_tool=offered.call_tool)
    manager = StreamableHTTPSessionManager(
        server, stateless=True, max_request_body_size=settings.MESSAGE_MAX_BYTES * 4
    )
    async with manager.run():
        await manager.handle_request(scope, receive, send)


async def _refuse(send: Untyped, error: ChatError | AgentError) -> None:
    headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
    if isinstance(error, ChatError) and error.retry_after_seconds is not None:
        headers.append((b"retry-after", str(error.retry_after_seconds).encode()))
    body = json.dumps({"code": error.code, "detail": str(error)}).encode()
    status = REFUSED.get(error.code, 401)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Offered:
    """What one person's clients may use."""

    def __init__(self, user: User) -> None:
        self._user = user

    async def list_tools(self, _: Untyped, __: Untyped) -> "ListToolsResult":
        """List the tools and the agents that are offered."""
        from mcp.types import ListToolsResult  # noqa: PLC0415  (loaded by now)
        from mcp.types import Tool as Told  # noqa: PLC0415

        found = [
            Told(name=tool.name, description=tool.description, input_schema=tool.parameters)
            for tool in _tools()
        ]
        found += [
            Told(name=name_of(agent.slug), description=_about(agent), input_schema=ASKING)
            for agent in await _agents()
        ]
        return ListToolsResult(tools=sorted(found, key=lambda each: each.name))

    async def call_tool(self, _: Untyped, params: Untyped) -> "CallToolResult":
        """Call a tool, or ask an agent and wait for its answer."""
        given = dict(params.arguments or {})
        try:
            for agent in await _agents():
                if name_of(agent.slug) == params.name:
                    return _result(await self._ask(agent, given))
            for tool in _tools():
                if tool.name == params.name:
                    return _result(await asyncio.to_thread(_called, tool, given, self._user))
        except (AgentError, ChatError, TimeoutError) as error:
            return _result(str(error) or "There was no answer in time.", failed=True)
        return _result(f"There is no tool {params.name!r} here.", failed=True)

    async def _ask(self, agent: Agent, given: dict[str, Any]) -> dict[str, Any]:
        thread, run = await _said(self._user, agent, given)
        subscription = await live.hub().subscribe(thread.stream)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while (answer := await _answer(run)) is None:
                    try:
                        await asyncio.wait_for(subscription.take(), LOOK_SECONDS)
                    except TimeoutError:
                        continue
        finally:
            live.hub().unsubscribe(subscription)
        return {"thread": str(thread.id), **answer}


def _tools() -> list[Tool]:
    """Return the tools that the settings offer; none that would have to ask a person."""
    return [tool for tool in registry.named(settings.MCP_TOOLS) if not tool.needs_approval]


def _called(tool: Tool, given: dict[str, Any], user: User) -> str:
    context = ToolContext(user=f"user:{user.pk}")
    return result_text(tool.call(tool.parse(json.dumps(given)), context))


def _about(agent: Agent) -> str:
    about = f": {agent.description}" if agent.description else "."
    return f"Ask the agent {agent.name}{about} It answers in a conversation that can go on."


def _result(said: str | dict[str, Any], *, failed: bool = False) -> "CallToolResult":
    from mcp.types import CallToolResult, TextContent  # noqa: PLC0415  (loaded by now)

    if isinstance(said, str):
        return CallToolResult(content=[TextContent(type="text", text=said)], is_error=failed)
    return CallToolResult(
        content=[TextContent(type="text", text=str(said["answer"]))],
        structured_content=said,
        is_error=bool(said.get("failed")),
    )


# What waits for the database --------------------------------------------------------------------


def _user_now(token: str) -> User:
    credentials.check_rate(token)
    return credentials.person(token, "chat")


def _agents_now() -> list[Agent]:
    return list(agents.active_agents().filter(over_mcp=True))


def _said_now(user: User, agent: Agent, given: dict[str, Any]) -> tuple[Thread, UUID]:
    """Say something to an agent; return the thread, and the run that answers."""
    actor = f"user:{user.pk}"
    if named := given.get("thread"):
        thread = selectors.thread_for(user, _uuid(named))
    else:
        thread = gateway.start(owner=user, agent=agent.slug, actor=actor)
    receipt = gateway.receive(
        thread=thread,
        content=str(given.get("message", "")),
        channel="mcp",
        sender=actor,
        agent=agent.slug,
    )
    return thread, receipt.run


def _answer_now(run_id: UUID) -> dict[str, Any] | None:
    """Return what came of a run, once it has ended or waits for a person."""
    run = Run.objects.get(id=run_id)
    if run.state not in ENDED:
        return None
    said = Message.objects.filter(id=run.answer_id).values_list("content", flat=True).first() or ""
    if run.state == Run.State.WAITING:
        return {"answer": "It waits for a person to decide, in Parley.", "state": run.state}
    if run.state == Run.State.COMPLETED:
        return {"answer": said, "state": run.state}
    problem = (run.error or {}).get("detail", "It was stopped.")
    return {"answer": f"{said}\n\n{problem}".strip(), "state": run.state, "failed": True}


def _uuid(text: object) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        return UUID(int=0)  # nobody's


_user = database_sync_to_async(_user_now, thread_sensitive=False)
_agents = database_sync_to_async(_agents_now, thread_sensitive=False)
_said = database_sync_to_async(_said_now, thread_sensitive=False)
_answer = database_sync_to_async(_answer_now, thread_sensitive=False)
