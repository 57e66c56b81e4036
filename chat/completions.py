"""Answers for clients that keep their conversation themselves: asked, given, forgotten.

The web process leaves what is asked in Redis and waits; a worker answers. The text goes over the
live bus as it grows, the whole lies in Redis until it was fetched. What the agent does on the way
is in the stream, like everything that agents do.

A client's own tools are called by the client. What the agent has done before that (its own calls,
what it thought) is kept for a while, so that it goes on from there when the results come.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import redis
import structlog
from django.conf import settings
from pydantic import BaseModel, JsonValue, TypeAdapter
from typing_extensions import override

from agents import loop, runner
from agents import selectors as agents
from agents.artifacts import StoredArtifacts
from agents.cancellation import Cancellation
from agents.endpoints import broker, web
from agents.errors import AgentError, CallsElsewhere, Cancelled
from agents.events import LLMResponded
from agents.llm import CompletionConfig
from agents.messages import ToolCall, Turn, Usage
from agents.models import Agent
from agents.recording import Recorder
from agents.shared import connection as loop_redis
from agents.skills.selection import catalogue
from agents.tools import ToolContext
from agents.tools.collection import Registry
from agents.tools.foreign import foreign_tool
from chat import context, control
from chat.events import CompletionAsked, CompletionEnded, Problem, completion_stream
from tracer import live
from tracer.events import Event
from tracer.frames import Answer
from tracer.log import append
from tracer.steady import steadily

KEPT_SECONDS = 600
STEPS_SECONDS = 3 * 3600
ALIVE_SECONDS = 8
BEAT_SECONDS = 2.0
ATTEMPT = 1
DATABASE_PATIENCE_SECONDS = 10.0
TURNS: TypeAdapter[list[Turn]] = TypeAdapter(list[Turn])

logger = structlog.get_logger(__name__)


class ForeignTool(BaseModel):
    """A tool of the client."""

    name: str
    description: str = ""
    parameters: dict[str, JsonValue] = {"type": "object", "properties": {}}


class Asked(BaseModel):
    """What a client asks.

    Attributes:
        id: The completion.
        owner: Whose API key it came with.
        agent: The slug of who is asked.
        turns: The conversation, as the client tells it.
        tools: The client's own tools.
        config: What it wants otherwise than the agent is set up.
        own_tools: Whether the agent may call its own.
    """

    id: UUID
    owner: int
    agent: str
    turns: list[Turn]
    tools: list[ForeignTool] = []
    config: dict[str, JsonValue] = {}
    own_tools: bool = True

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return completion_stream(self.owner, self.id)


class Done(BaseModel):
    """What came of it: text, calls for the client to make, or an error."""

    content: str = ""
    calls: list[ToolCall] = []
    usage: Usage = Usage()
    finish_reason: str = "stop"
    error: Problem | None = None


def asked_key(completion: UUID) -> str:
    """Return the key of what was asked."""
    return f"parley:completion:{completion}:asked"


def done_key(completion: UUID) -> str:
    """Return the key of what came of it."""
    return f"parley:completion:{completion}:done"


def alive_key(completion: UUID) -> str:
    """Return the key that is there for as long as a worker is at it."""
    return f"parley:completion:{completion}:alive"


def _steps_key(owner: int, call: str) -> str:
    return f"parley:completion:steps:{owner}:{call}"


def answer(completion: UUID) -> None:
    """Answer what was asked, if it still is: a client may have gone, a task comes twice."""
    held: Any = live.connection().getdel(asked_key(completion))
    if held is None:
        return
    asked = Asked.model_validate_json(held)
    with (
        structlog.contextvars.bound_contextvars(completion=str(completion)),
        control.watched(completion) as cancellation,
        _beating(completion),
    ):
        _Completion(asked, cancellation).go()


@contextmanager
def _beating(completion: UUID) -> Iterator[None]:
    """Let who waits know that somebody is at it."""

    async def beat() -> None:
        while True:
            with suppress(redis.RedisError, OSError):
                await loop_redis().set(alive_key(completion), 1, ex=ALIVE_SECONDS)
            await asyncio.sleep(BEAT_SECONDS)

    beating = loop.submit(beat())
    try:
        yield
    finally:
        beating.cancel()


class _Completion(Recorder):
    def __init__(self, asked: Asked, cancellation: Cancellation) -> None:
        self._asked = asked
        self._cancellation = cancellation
        self._usage = Usage()
        self._finish = "stop"
        self._answer = Answer(
            stream=asked.stream, run=str(asked.id), attempt=ATTEMPT, message=str(asked.id)
        )

    def go(self) -> None:
        """Answer, leave what came of it, and tell that it is there."""
        asked = self._asked
        done = self._done()
        if self._answer.unpublished:
            loop.wait(self._answer.flush())
        live.connection().set(done_key(asked.id), done.model_dump_json(), ex=KEPT_SECONDS)
        ended = CompletionEnded(
            run=asked.id,
            agent=asked.agent,
            finish="error" if done.error else done.finish_reason,
            usage=done.usage,
            error=done.error,
        )
        self.record(ended)
        loop.submit(self._answer.discard_snapshot())

    def _done(self) -> Done:
        try:
            return self._told()
        except Cancelled:
            problem = Problem(code="cancelled", detail="It was stopped; ask again.", retryable=True)
        except AgentError as error:
            problem = Problem(code=error.code, detail=str(error), retryable=error.retryable)
        except Exception:
            logger.exception("completion_failed")
            detail = "Something went wrong inside Parley; the log has the details. Try again."
            problem = Problem(code="internal", detail=detail, retryable=True)
        return Done(content=self._answer.text, usage=self._usage, error=problem)

    def _told(self) -> Done:
        """Run the agent to its answer, or to calls that the client makes."""
        asked, agent = self._asked, agents.active_agent(self._asked.agent)
        names = tuple(tool.name for tool in asked.tools)
        self.record(
            CompletionAsked(run=asked.id, agent=agent.slug, messages=len(asked.turns), tools=names)
        )
        turns = [*_system(agent), *_with_steps(asked)]
        conversation: list[Turn] = []
        job = runner.Job(
            model=agent.model,
            turns=turns,
            tools=_tools(agent, asked),
            config=_config(agent, asked),
            fallbacks=agent.fallbacks,
            window=context.window(agent),
            elsewhere=frozenset(names),
        )
        try:
            runner.run(
                job,
                broker=broker(),
                context=self._context(agent),
                recorder=self,
                sink=self._answer,
                conversation=conversation,
            )
        except CallsElsewhere:
            return self._handed_out(conversation[len(turns) :], names)
        return Done(content=self._answer.text, usage=self._usage, finish_reason=self._finish)

    def _context(self, agent: Agent) -> ToolContext:
        return ToolContext(
            run=self._asked.id,
            agent=agent.slug,
            user=f"user:{self._asked.owner}",
            time_zone=ZoneInfo(settings.TIME_ZONE),
            cancellation=self._cancellation,
            workspace=agents.workspace_of(agent),
            web=web(),
            artifacts=StoredArtifacts(),
            emit=self.record,
        )

    def _handed_out(self, steps: list[Turn], names: tuple[str, ...]) -> Done:
        """Give the client its calls, under ids of ours, and keep what led to them."""
        ids = {
            call.id: f"call_{uuid4().hex}"
            for turn in steps
            for call in turn.calls
            if turn is _last_asking(steps)
        }
        renamed = [_renamed(turn, ids) for turn in steps]
        calls = [call for call in _last_asking(renamed).calls if call.name in names]
        written = TURNS.dump_json(renamed)
        for call in calls:
            key = _steps_key(self._asked.owner, call.id)
            live.connection().set(key, written, ex=STEPS_SECONDS)
        return Done(
            content=self._answer.text,
            calls=calls,
            usage=self._usage,
            finish_reason="tool_calls",
        )

    @override
    def record(self, event: Event, *, duration_ms: int | None = None) -> None:
        if isinstance(event, LLMResponded):
            self._usage += event.usage or Usage()
            self._finish = event.finish_reason
        run = getattr(event, "run", self._asked.id)
        _append(self._asked, event, run=run, duration_ms=duration_ms)


@steadily(DATABASE_PATIENCE_SECONDS)
def _append(asked: Asked, event: Event, *, run: UUID, duration_ms: int | None) -> None:
    append(
        asked.stream,
        event,
        actor=f"agent:{asked.agent}",
        correlation_id=run,
        durations_ms=[duration_ms],
    )


def _system(agent: Agent) -> list[Turn]:
    told = [text for text in (agent.system_prompt, catalogue(agents.skills_of(agent))) if text]
    return [Turn(role="system", content="\n\n".join(told))] if told else []


def _tools(agent: Agent, asked: Asked) -> Registry:
    """Return the client's tools with the agent's own; of one name, the client's counts."""
    given = [
        foreign_tool(each.name, description=each.description, parameters=each.parameters)
        for each in asked.tools
    ]
    names = {tool.name for tool in given}
    own = agents.equipment_of(agent).alone().tools().all() if asked.own_tools else []
    kept = [tool for tool in own if not names & {tool.name, *tool.aliases}]
    return Registry([*given, *kept])


def _config(agent: Agent, asked: Asked) -> CompletionConfig:
    """Return how the agent is set up, with what the client wants otherwise."""
    wanted = agent.config.model_dump() | asked.config
    if not asked.own_tools and not asked.tools:
        del wanted["tool_choice"]  # there is nothing to choose from
    return CompletionConfig.model_validate(wanted)


def _with_steps(asked: Asked) -> list[Turn]:
    """Put what the agent did itself back to where it handed out calls."""
    whole: list[Turn] = []
    for turn in asked.turns:
        whole += _kept_steps(asked.owner, turn) if turn.calls else [turn]
    return whole


def _kept_steps(owner: int, turn: Turn) -> list[Turn]:
    held: Any = live.connection().get(_steps_key(owner, turn.calls[0].id))
    return TURNS.validate_json(held) if held is not None else [turn]


def _last_asking(steps: list[Turn]) -> Turn:
    return next(turn for turn in reversed(steps) if turn.calls)


def _renamed(turn: Turn, ids: dict[str, str]) -> Turn:
    calls = tuple(call.model_copy(update={"id": ids.get(call.id, call.id)}) for call in turn.calls)
    call_id = ids.get(turn.call_id, turn.call_id) if turn.call_id else None
    return turn.model_copy(update={"calls": calls, "call_id": call_id})
