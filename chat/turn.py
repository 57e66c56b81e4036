"""One turn: a run from its place in the queue to its end. The third stop of the main road.

Plain synchronous code in a thread of the worker; what streams lives on the process's loop.
Every append checks the lease, so a worker that has lost it can't write.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import redis
import structlog
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone
from typing_extensions import override

from agents import loop, runner
from agents import selectors as agents
from agents.artifacts import StoredArtifacts
from agents.cancellation import Cancellation
from agents.endpoints import broker, web
from agents.errors import AgentError, Cancelled, LLMError, Suspended, ToolError
from agents.events import AgentDelegated, LLMResponded, SkillLoaded
from agents.llm import Asking
from agents.llm.errors import CONTEXT_TOO_LONG
from agents.messages import Attached, Usage
from agents.models import Agent
from agents.recording import Recorder
from agents.selectors import Equipment
from agents.skills import Skill
from agents.skills.selection import loaded_text, named_in
from agents.tools import ToolContext
from agents.tools.handout import Handout
from chat import (
    answers,
    attachments,
    compaction,
    context,
    control,
    gateway,
    leases,
    memory,
    pending,
    plans,
    selectors,
    steps,
)
from chat.errors import BadAttachment, LeaseLost
from chat.events import (
    Problem,
    RunCancelled,
    RunCompleted,
    RunCrashed,
    RunFailed,
    RunHandedOver,
    RunStarted,
    RunWaiting,
)
from chat.models import Message, Run
from tracer import live
from tracer.events import Event
from tracer.frames import Answer
from tracer.log import append, recorded
from tracer.steady import steadily

MAX_CRASHES = 3
WINDOW_SHARES = (1, 2, 4)  # where a model refuses a conversation as too long, a part of it
DATABASE_PATIENCE_SECONDS = 30.0

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
        self._is_new = not run.attempt  # it has left nothing in the stream yet
        self._agents: dict[UUID, str] = {}  # who answers in the runs that are nested in this one

    def go(self, cancellation: Cancellation) -> None:
        if self.run.state == Run.State.RUNNING:
            self._record_all(self._event(RunCrashed, attempt=self.run.attempt))
            self.run.crashes += 1
            if self.run.cancel_requested or self.run.crashes >= MAX_CRASHES:
                return self._give_up()
        started = self._event(RunStarted, attempt=self.attempt, answer=self.run.answer_id)
        self._held.append((started, None))
        self._see_through(cancellation)
        return None

    def _see_through(self, cancellation: Cancellation) -> None:
        """Answer, and write down how it ended."""
        try:
            self._answer(cancellation)
        except Suspended as suspended:
            self._wait(suspended.calls)
        except Cancelled:
            self._cancelled(cancellation)
        except AgentError as error:
            self._failed(Problem(code=error.code, detail=str(error), retryable=error.retryable))
        except LeaseLost:
            logger.warning("lease_lost")
            raise
        except (OperationalError, InterfaceError):
            logger.exception("database_gone")  # the lease runs out; whoever is there then goes on
            raise
        except Exception:
            logger.exception("turn_failed")
            self._failed(_our_fault())

    @override
    def record(self, event: Event, *, duration_ms: int | None = None) -> None:
        """Take a step of the runner into the stream, behind the text that came before it.

        The model's last word waits for the message that it becomes: one append for both.
        """
        run = getattr(event, "run", self.run.id)
        if run != self.run.id:
            self._record_nested(event, run, duration_ms)
            return
        if isinstance(event, AgentDelegated):
            self._agents[event.child] = event.agent
        if isinstance(event, LLMResponded):
            self.usage = (self.usage or Usage()) + event.usage if event.usage else self.usage
            if not event.calls:
                self._held.append((event, duration_ms))
                return
        self._flush()
        self._append((event, duration_ms))

    def _record_nested(self, event: Event, run: UUID, duration_ms: int | None) -> None:
        """Take a step of an agent that this one has asked: of a run of its own."""
        if isinstance(event, AgentDelegated):
            self._agents[event.child] = event.agent
        if isinstance(event, LLMResponded) and event.usage:
            self.usage = (self.usage or Usage()) + event.usage
        writer = _Writer(f"agent:{self._agents.get(run, self.run.agent)}", run)
        _append_once(writer, self.lease, [(event, duration_ms)], first_id=uuid4(), then=None)

    def _answer(self, cancellation: Cancellation) -> None:
        agent = agents.active_agent(self.run.agent)
        given = ToolContext(
            run=self.run.id,
            agent=agent.slug,
            user=f"user:{self.run.thread.owner_id}",
            time_zone=ZoneInfo(settings.TIME_ZONE),
            cancellation=cancellation,
            thread=self.run.thread_id,
            workspace=agents.workspace_of(agent),
            web=web(),
            artifacts=StoredArtifacts(),
            handout=_Handout(self.run),
            memory=memory.KeptMemory(self.run, self.record),
            tasks=plans.of(self.run.thread),
        )
        equipment = agents.equipment_of(agent)
        self._load_named_skill(equipment.skills)
        window = context.window(agent)
        for share in WINDOW_SHARES:
            try:
                self._ask(agent, equipment, given, window=window // share)
                break
            except LLMError as error:
                if error.code != CONTEXT_TOO_LONG or share == WINDOW_SHARES[-1]:
                    raise
        self._flush()
        completed = self._event(RunCompleted, message=self.run.answer_id, usage=self.usage)
        self._end(answers.message(self.run, self.answer.text, finish="complete"), completed)

    def _load_named_skill(self, skills: Mapping[str, Skill]) -> None:
        """Load the skill that the person names at the beginning of the message, once."""
        if not skills:
            return
        message = Message.objects.filter(id=self.run.message_id).first()
        skill = named_in(message.content, skills) if message else None
        if skill is not None and not steps.has_loaded(self.run.id):
            event = SkillLoaded(run=self.run.id, skill=skill.name, content=loaded_text(skill))
            self._record_all(event)

    def _ask(self, agent: Agent, equipment: Equipment, given: ToolContext, *, window: int) -> None:
        """Have the agent answer with what the stream holds by now."""
        skills = equipment.skills
        build = partial(
            context.build, self.run, agent, equipment.tools(), window=window, skills=skills
        )
        seen = build(anew=self._is_new)
        if seen.left_out and self._compact(agent, given, window=window, skills=skills):
            seen = build()
        if self.answer.length < len(seen.begun):
            self.answer = self._new_answer(seen.begun)
        job = runner.Job(
            model=agent.model,
            turns=seen.turns,
            notes=seen.notes,
            tools=equipment.tools(loaded=seen.loaded, allowed=self.run.thread.allowed),
            config=agent.config,
            attempt=self.attempt,
            decisions=seen.decisions,
            steering=self._steering,
            left_out=seen.left_out,
            fallbacks=agent.fallbacks,
            window=window,
            fresh=bool(settings.LLM_CACHE_SECONDS) and selectors.was_answered(self.run),
        )
        runner.run(job, broker=broker(), context=given, recorder=self, sink=self.answer)

    def _compact(
        self, agent: Agent, given: ToolContext, *, window: int, skills: Mapping[str, Skill]
    ) -> bool:
        """Have the older part of the thread summarised; return whether any of it was.

        Without a summary the answer is given all the same, with the older part left out.
        """
        if self._held:
            self._append()  # it has begun, and may take a while
        done = False
        asking = Asking(config=agent.config, fallbacks=agent.fallbacks, context=given)
        made = compaction.compact(
            self.run, agent, broker=broker(), asking=asking, window=window, skills=skills
        )
        try:
            for each in made:
                if each.event.usage:
                    self.usage = (self.usage or Usage()) + each.event.usage
                self._append((each.event, each.duration_ms))
                done = True
        except LLMError as error:
            logger.warning("not_summarised", error=str(error))
        return done

    def _steering(self) -> list[runner.Steer]:
        """Return what people have said to this run since its model was last asked."""
        return [runner.Steer(each.id, each.content) for each in selectors.untaken(self.run)]

    def _wait(self, calls: tuple[str, ...]) -> None:
        """Let go of the run until a person has decided; perhaps they have by now."""
        self._flush()
        until = timezone.now() + timedelta(hours=settings.APPROVAL_HOURS)
        waiting = self._event(RunWaiting, calls=calls, until=until)
        self._append((waiting, None), then=self._look_at_decisions)

    def _look_at_decisions(self) -> None:
        asked = pending.of(self.run)
        if not asked:
            gateway.resume(self.run)
            return
        since = min(each.seq for each in asked.values())
        if any(run.seq > since for run in selectors.active_runs(self.run.thread)):
            gateway.supersede(self.run.thread, actor="system")

    def _give_up(self) -> None:
        """End a run whose worker has vanished, with what it had said by then."""
        self.answer = self._new_answer(_salvaged(self.run))
        if self.run.cancel_requested:
            self._end_partly("stopped", RunCancelled)
        else:
            self._failed(_crashed_too_often())

    def _cancelled(self, cancellation: Cancellation) -> None:
        if cancellation.handed_over:
            self._record_all(self._event(RunHandedOver, attempt=self.attempt))
        else:
            self._end_partly("stopped", RunCancelled)

    def _failed(self, problem: Problem) -> None:
        self._end_partly("failed", RunFailed, error=problem)

    def _end_partly(
        self,
        finish: Literal["stopped", "failed"],
        kind: type[RunCancelled | RunFailed],
        **fields: object,
    ) -> None:
        """End a run that has no whole answer; what was said is kept as a message."""
        self._flush()
        said = self.answer.text
        events = [answers.message(self.run, said, finish=finish)] if said else []
        message = self.run.answer_id if said else None
        self._end(*events, self._event(kind, message=message, usage=self.usage, **fields))

    def _end(self, *events: Event) -> None:
        """End the run. What was said to it and has not reached its model is answered next."""
        stopped = isinstance(events[-1], RunCancelled)
        answer_late = partial(gateway.answer_late, self.run, stopped=stopped)
        self._append(*((event, None) for event in events), then=answer_late)
        loop.submit(self.answer.discard_snapshot())

    def _event(self, kind: type[Event], **fields: object) -> Event:
        return kind.model_validate({"run": self.run.id, "agent": self.run.agent, **fields})

    def _record_all(self, *events: Event) -> None:
        self._append(*((event, None) for event in events))

    def _append(
        self, *timed: tuple[Event, int | None], then: Callable[[], None] | None = None
    ) -> None:
        """Append what was held and these events; do something more in the same transaction."""
        writer = _Writer(f"agent:{self.run.agent}", self.run.id)
        _append_once(writer, self.lease, [*self._held, *timed], first_id=uuid4(), then=then)
        self._held.clear()
        self._is_new = False

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


@dataclass(frozen=True, slots=True)
class _Handout(Handout):
    """Takes the files that an agent sends, into the thread of its run."""

    run: Run

    @override
    def give(self, name: str, content: bytes) -> Attached:
        thread = self.run.thread
        try:
            return attachments.give(thread.owner, thread.id, name=name, content=content)
        except BadAttachment as error:
            raise ToolError(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Writer:
    """Who writes into the stream, and for which run."""

    actor: str
    run: UUID


@steadily(DATABASE_PATIENCE_SECONDS)
def _append_once(
    writer: _Writer,
    lease: leases.Held,
    timed: Sequence[tuple[Event, int | None]],
    *,
    first_id: UUID,
    then: Callable[[], None] | None,
) -> None:
    """Append, if the lease is still ours; also where the database has to be asked again.

    A commit whose confirmation was lost is known by the first event's id, and not done twice.
    """
    try:
        with transaction.atomic():
            leases.fence(lease)
            append(
                lease.stream,
                *(event for event, _ in timed),
                actor=writer.actor,
                correlation_id=writer.run,
                durations_ms=[duration_ms for _, duration_ms in timed],
                first_id=first_id,
            )
            if then is not None:
                then()
    except IntegrityError:
        if not recorded(first_id):
            raise


def _salvaged(run: Run) -> str:
    """Return what the vanished worker had published of its answer."""
    try:
        held = live.connection().get(live.snapshot_key(str(run.id), run.attempt))
    except redis.RedisError:
        return ""
    return held.decode() if isinstance(held, bytes) else ""


def _crashed_too_often() -> Problem:
    detail = f"The answer broke down {MAX_CRASHES} times and was given up. Try again."
    return Problem(code="crashed", detail=detail, retryable=True)


def _our_fault() -> Problem:
    detail = "Something went wrong inside Parley; the log has the details. Try again."
    return Problem(code="internal", detail=detail, retryable=True)
