"""One turn: a run from its place in the queue to its end. The third stop of the main road.

Plain synchronous code in a thread of the worker; what streams lives on the process's loop.
Every append checks the lease, so a worker that has lost it can't write.
"""

from contextlib import suppress
from zoneinfo import ZoneInfo

import redis
import structlog
from django.conf import settings
from django.db import transaction
from typing_extensions import override

from agents import loop, runner
from agents import selectors as agents
from agents.cancellation import Cancellation
from agents.endpoints import broker
from agents.errors import AgentError, Cancelled
from agents.events import LLMResponded
from agents.messages import Usage
from agents.recording import Recorder
from agents.tools import ToolContext
from chat import context, control, leases
from chat.errors import LeaseLost
from chat.events import (
    MessageAdded,
    Problem,
    RunCancelled,
    RunCompleted,
    RunCrashed,
    RunFailed,
    RunStarted,
)
from chat.models import Run
from tracer import live
from tracer.events import Event
from tracer.frames import Answer
from tracer.log import append

MAX_ATTEMPTS = 3

logger = structlog.get_logger(__name__)


def take(run: Run, lease: leases.Held) -> None:
    """See a run through to its end.

    Args:
        run: Queued, or left behind by a worker that has vanished.
        lease: The lease of its thread, in our hands.
    """
    work = _Turn(run, lease)
    with (
        structlog.contextvars.bound_contextvars(run=str(run.id)),
        suppress(LeaseLost),
        control.watched(run.id) as cancellation,
    ):
        work.go(cancellation)


class _Turn(Recorder):
    def __init__(self, run: Run, lease: leases.Held) -> None:
        self.run = run
        self.lease = lease
        self.attempt = run.attempt + 1
        self.answer = self._new_answer("")
        self.usage: Usage | None = None
        self._held: list[tuple[Event, int | None]] = []

    def go(self, cancellation: Cancellation) -> None:
        if self.run.state == Run.State.RUNNING:
            self._record_all(self._event(RunCrashed, attempt=self.run.attempt))
            if self.run.cancel_requested or self.run.attempt >= MAX_ATTEMPTS:
                return self._give_up()
        started = self._event(RunStarted, attempt=self.attempt, answer=self.run.answer_id)
        self._held.append((started, None))
        try:
            self._answer(cancellation)
        except Cancelled:
            self._cancelled()
        except AgentError as error:
            self._failed(Problem(code=error.code, detail=str(error), retryable=error.retryable))
        except LeaseLost:
            logger.warning("lease_lost")
            raise
        except Exception:
            logger.exception("turn_failed")
            self._failed(_our_fault())
        return None

    @override
    def record(self, event: Event, *, duration_ms: int | None = None) -> None:
        """Take a step of the runner into the stream, behind the text that came before it.

        The model's last word waits for the message that it becomes: one append for both.
        """
        if isinstance(event, LLMResponded):
            self.usage = (self.usage or Usage()) + event.usage if event.usage else self.usage
            if not event.calls:
                self._held.append((event, duration_ms))
                return
        self._flush()
        self._append((event, duration_ms))

    def _answer(self, cancellation: Cancellation) -> None:
        agent = agents.active_agent(self.run.agent)
        tools = agents.tools_of(agent)
        turns, begun = context.build(self.run, agent, tools)
        self.answer = self._new_answer(begun)
        runner.run(
            runner.Job(
                model=agent.model,
                turns=turns,
                tools=tools,
                config=agent.config,
                attempt=self.attempt,
            ),
            broker=broker(),
            context=ToolContext(
                run=self.run.id,
                agent=agent.slug,
                user=f"user:{self.run.thread.owner_id}",
                time_zone=ZoneInfo(settings.TIME_ZONE),
                cancellation=cancellation,
            ),
            recorder=self,
            sink=self.answer,
        )
        self._flush()
        completed = self._event(RunCompleted, message=self.run.answer_id, usage=self.usage)
        self._end(self._message("complete"), completed)

    def _give_up(self) -> None:
        """End a run whose worker has vanished, with what it had said by then."""
        self.answer = self._new_answer(_salvaged(self.run))
        if self.run.cancel_requested:
            self._cancelled()
        else:
            self._failed(_crashed_too_often())

    def _cancelled(self) -> None:
        self._end_partly("stopped", RunCancelled)

    def _failed(self, problem: Problem) -> None:
        self._end_partly("failed", RunFailed, error=problem)

    def _end_partly(
        self,
        finish: str,
        kind: type[RunCancelled | RunFailed],
        **fields: object,
    ) -> None:
        """End a run that has no whole answer; what was said is kept as a message."""
        self._flush()
        said = [self._message(finish)] if self.answer.length else []
        message = self.run.answer_id if said else None
        self._end(*said, self._event(kind, message=message, usage=self.usage, **fields))

    def _end(self, *events: Event) -> None:
        self._record_all(*events)
        loop.submit(self.answer.discard_snapshot())

    def _message(self, finish: str) -> MessageAdded:
        return MessageAdded.model_validate(
            {
                "thread": self.run.thread_id,
                "message": self.run.answer_id,
                "role": "assistant",
                "content": self.answer.text,
                "agent": self.run.agent,
                "parent": self.run.message_id,
                "run": self.run.id,
                "channel": "agent",
                "sender": f"agent:{self.run.agent}",
                "finish": finish,
            }
        )

    def _event(self, kind: type[Event], **fields: object) -> Event:
        return kind.model_validate({"run": self.run.id, "agent": self.run.agent, **fields})

    def _record_all(self, *events: Event) -> None:
        self._append(*((event, None) for event in events))

    def _append(self, *timed: tuple[Event, int | None]) -> None:
        """Append what was held and then these events, if the lease is still ours."""
        together = [*self._held, *timed]
        with transaction.atomic():
            leases.fence(self.lease)
            append(
                self.lease.stream,
                *(event for event, _ in together),
                actor=f"agent:{self.run.agent}",
                correlation_id=self.run.id,
                durations_ms=[duration_ms for _, duration_ms in together],
            )
        self._held.clear()

    def _flush(self) -> None:
        """Have the text published before the event that comes behind it."""
        if self.answer.unpublished:
            loop.wait(self.answer.flush())

    def _new_answer(self, begun: str) -> Answer:
        return Answer(
            stream=self.lease.stream,
            run=str(self.run.id),
            attempt=self.attempt,
            message=str(self.run.answer_id),
            begun=begun,
        )


def _salvaged(run: Run) -> str:
    """Return what the vanished worker had published of its answer."""
    try:
        held = live.connection().get(live.snapshot_key(str(run.id), run.attempt))
    except redis.RedisError:
        return ""
    return held.decode() if isinstance(held, bytes) else ""


def _crashed_too_often() -> Problem:
    detail = f"The answer broke down {MAX_ATTEMPTS} times and was given up. Try again."
    return Problem(code="crashed", detail=detail, retryable=True)


def _our_fault() -> Problem:
    detail = "Something went wrong inside Parley; the log has the details. Try again."
    return Problem(code="internal", detail=detail, retryable=True)
