"""The rows of a conversation, folded from its events. Nobody else writes them.

Each handler takes an event and changes rows; times come from the event, never from the clock,
so that a rebuild gives the same rows to the last byte.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from django.db.models import F, Value
from django.db.models.functions import Coalesce

from agents.events import (
    LLMCalled,
    LLMResponded,
    MemoryUpdated,
    PlanUpdated,
    SkillLoaded,
    ToolApproved,
)
from chat.events import (
    MOVES,
    PREFIX,
    ContextCompacted,
    MessageAdded,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
    RunCancelled,
    RunCancelRequested,
    RunCompleted,
    RunCrashed,
    RunFailed,
    RunHandedOver,
    RunQueued,
    RunResumed,
    RunStarted,
    RunState,
    RunWaiting,
    ThreadAgentChanged,
    ThreadArchived,
    ThreadDeleted,
    ThreadEvent,
    ThreadForked,
    ThreadHeadMoved,
    ThreadRenamed,
    ThreadRestored,
    ThreadStarted,
)
from chat.models import Message, Pin, Remembered, Run, Snapshot, Summary, Thread
from chat.state import changes
from tracer.events import Event, Recorded

MODELS = (Thread, Message, Run, Snapshot, Summary, Pin, Remembered)
SNAPSHOT_EVERY = 200  # events

Handler = Callable[[Recorded], None]
Kind = TypeVar("Kind", bound=Event)
_handlers: dict[type[Event], Handler] = {}


class IllegalMove(RuntimeError):
    """A run can't go from this state to that: whoever appends the event has not looked."""

    def __init__(self, run: UUID, before: str, after: str) -> None:
        super().__init__(f"Run {run} can't go from {before} to {after}.")


def project(recorded: Sequence[Recorded]) -> None:
    """Take events into the rows. Kinds that change no row pass by."""
    for entry in recorded:
        if handler := _handlers.get(type(entry.event)):
            handler(entry)
        if entry.seq % SNAPSHOT_EVERY == 0 and entry.stream.startswith(PREFIX):
            _keep_state(entry)


def _on(
    kind: type[Kind],
) -> Callable[[Callable[[Kind, Recorded], None]], Callable[[Kind, Recorded], None]]:
    def register(handler: Callable[[Kind, Recorded], None]) -> Callable[[Kind, Recorded], None]:
        def narrowed(entry: Recorded) -> None:
            assert isinstance(entry.event, kind)  # noqa: S101  (for the type checker)
            handler(entry.event, entry)

        _handlers[kind] = narrowed
        return handler

    return register


# Threads ----------------------------------------------------------------------------------------


@_on(ThreadStarted)
def _thread_started(event: ThreadStarted, entry: Recorded) -> None:
    Thread.objects.create(
        id=event.thread,
        owner_id=event.owner,
        started_at=entry.at,
        updated_at=entry.at,
        **changes(event, head=None),
    )


@_on(ThreadForked)
def _thread_forked(event: ThreadForked, entry: Recorded) -> None:
    Thread.objects.create(
        id=event.thread,
        owner_id=event.owner,
        origin_id=event.origin,
        origin_seq=event.origin_seq,
        started_at=entry.at,
        updated_at=entry.at,
        **changes(event, head=None),
    )


def _thread_changed(event: ThreadEvent, _: Recorded) -> None:
    Thread.objects.filter(id=event.thread).update(**changes(event, head=None))


_on(ThreadRenamed)(_thread_changed)
_on(ThreadArchived)(_thread_changed)
_on(ThreadRestored)(_thread_changed)
_on(ThreadAgentChanged)(_thread_changed)
_on(ThreadHeadMoved)(_thread_changed)


@_on(PlanUpdated)
def _plan_updated(event: PlanUpdated, entry: Recorded) -> None:
    if not Run.objects.filter(id=event.run).exists():
        return  # of an agent that was asked by another one: its plan ends with its answer
    thread = Thread.objects.filter(id=entry.stream.removeprefix(PREFIX))
    thread.update(plan=[task.model_dump() for task in event.tasks])


@_on(ThreadDeleted)
def _thread_deleted(event: ThreadDeleted, entry: Recorded) -> None:
    for model in (Pin, Summary, Snapshot, Run, Message):
        model._default_manager.filter(thread=event.thread).delete()  # noqa: SLF001  (Django's name)
    Thread.objects.filter(id=event.thread).delete()
    gone = {
        "owner_id": event.owner,
        "agent": "",
        "content": "",
        "forgotten": True,
        "created_at": entry.at,
    }
    for memory in event.forgotten:
        Remembered.objects.update_or_create(id=memory, defaults=gone)


def _keep_state(entry: Recorded) -> None:
    """Keep the thread's state of now and then, so that time travel reads little."""
    thread = UUID(entry.stream.removeprefix(PREFIX))
    held = Thread.objects.filter(id=thread).values("title", "agent", "state", "head").first()
    if held is not None:
        key = f"{thread}:{entry.seq}"
        Snapshot.objects.create(id=key, thread_id=thread, seq=entry.seq, **held)


# Messages ---------------------------------------------------------------------------------------


@_on(MessageAdded)
def _message_added(event: MessageAdded, entry: Recorded) -> None:
    Message.objects.create(
        id=event.message,
        thread_id=event.thread,
        parent_id=event.parent,
        role=event.role,
        content=event.content,
        agent=event.agent,
        run_id=event.run,
        channel=event.channel,
        sender=event.sender,
        client_id=event.client_id,
        finish=event.finish,
        attachments=[each.model_dump(mode="json") for each in event.attachments],
        seq=entry.seq,
        created_at=event.said_at or entry.at,
    )
    thread = Thread.objects.filter(id=event.thread)
    head = None if event.role == "user" else thread.values_list("head", flat=True).first()
    thread.update(updated_at=entry.at, **changes(event, head=head))


@_on(LLMCalled)
def _llm_called(event: LLMCalled, _: Recorded) -> None:
    if event.steered:
        Message.objects.filter(id__in=event.steered).update(taken_by=event.run)


@_on(MessageEdited)
def _message_edited(event: MessageEdited, entry: Recorded) -> None:
    edited = Message.objects.filter(id=event.message)
    edited.update(content=event.content, edited_at=entry.at)
    stale = Summary.objects.filter(thread=event.thread)
    if place := edited.filter(thread=event.thread).values_list("seq", flat=True).first():
        stale = stale.filter(until_seq__gte=place)
    stale.delete()  # what it was made from reads differently now; the event stays


@_on(MessagePinned)
def _message_pinned(event: MessagePinned, entry: Recorded) -> None:
    _keep_pin(event, entry, pinned=True)


@_on(MessageUnpinned)
def _message_unpinned(event: MessageUnpinned, entry: Recorded) -> None:
    _keep_pin(event, entry, pinned=False)


def _keep_pin(event: MessagePinned | MessageUnpinned, entry: Recorded, *, pinned: bool) -> None:
    Pin.objects.create(
        id=f"{event.thread}:{entry.seq}",
        thread_id=event.thread,
        seq=entry.seq,
        message_id=event.message,
        pinned=pinned,
    )


@_on(ContextCompacted)
def _context_compacted(event: ContextCompacted, entry: Recorded) -> None:
    Summary.objects.create(
        id=f"{event.thread}:{entry.seq}",
        thread_id=event.thread,
        seq=entry.seq,
        until_id=event.until,
        until_seq=event.until_seq,
        content=event.summary,
        skills=list(event.skills),
    )


# Runs -------------------------------------------------------------------------------------------


@_on(RunQueued)
def _run_queued(event: RunQueued, entry: Recorded) -> None:
    Run.objects.create(
        id=event.run,
        thread_id=event.thread,
        message_id=event.message,
        answer_id=event.answer,
        agent=event.agent,
        seq=entry.seq,
        queued_at=entry.at,
    )


@_on(RunStarted)
def _run_started(event: RunStarted, entry: Recorded) -> None:
    started_at = Coalesce("started_at", Value(entry.at))
    _move(event.run, RunState.RUNNING, attempt=event.attempt, started_at=started_at)


@_on(RunCrashed)
def _run_crashed(event: RunCrashed, _: Recorded) -> None:
    Run.objects.filter(id=event.run).update(crashes=F("crashes") + 1)


@_on(RunHandedOver)
def _run_handed_over(event: RunHandedOver, _: Recorded) -> None:
    _move(event.run, RunState.QUEUED)


@_on(RunWaiting)
def _run_waiting(event: RunWaiting, _: Recorded) -> None:
    _move(event.run, RunState.WAITING, waiting_until=event.until)


@_on(RunResumed)
def _run_resumed(event: RunResumed, _: Recorded) -> None:
    _move(event.run, RunState.QUEUED, waiting_until=None)


@_on(LLMResponded)
def _llm_responded(event: LLMResponded, _: Recorded) -> None:
    if event.calls:
        Run.objects.filter(id=event.run, has_steps=False).update(has_steps=True)


@_on(ToolApproved)
def _tool_approved(event: ToolApproved, entry: Recorded) -> None:
    if event.remember:
        thread = Thread.objects.filter(id=entry.stream.removeprefix(PREFIX))
        allowed = thread.values_list("allowed", flat=True).get()
        thread.update(allowed=sorted({*allowed, event.name}))


@_on(MemoryUpdated)
def _memory_updated(event: MemoryUpdated, entry: Recorded) -> None:
    """Keep or forget a fact. It may be forgotten in another thread: whichever is folded first."""
    run = Run.objects.select_related("thread").get(id=event.run)
    row = {
        "owner_id": run.thread.owner_id,
        "agent": run.agent,
        "content": event.content,
        "forgotten": event.forgotten,
        "created_at": entry.at,
    }
    if event.forgotten:
        Remembered.objects.update_or_create(id=event.memory, defaults=row)
    else:
        Remembered.objects.get_or_create(id=event.memory, defaults=row)


@_on(SkillLoaded)
def _skill_loaded(event: SkillLoaded, _: Recorded) -> None:
    if event.content:
        Run.objects.filter(id=event.run, has_steps=False).update(has_steps=True)


@_on(RunCancelRequested)
def _run_cancel_requested(event: RunCancelRequested, _: Recorded) -> None:
    Run.objects.filter(id=event.run).update(cancel_requested=True)


@_on(RunCompleted)
def _run_completed(event: RunCompleted, entry: Recorded) -> None:
    _end(event, entry, RunState.COMPLETED)


@_on(RunFailed)
def _run_failed(event: RunFailed, entry: Recorded) -> None:
    _end(event, entry, RunState.FAILED)


@_on(RunCancelled)
def _run_cancelled(event: RunCancelled, entry: Recorded) -> None:
    _end(event, entry, RunState.CANCELLED)


def _end(event: RunCompleted | RunFailed | RunCancelled, entry: Recorded, state: RunState) -> None:
    _move(
        event.run,
        state,
        finished_at=entry.at,
        waiting_until=None,
        usage=event.usage.model_dump() if event.usage else None,
        error=event.error.model_dump() if isinstance(event, RunFailed) else None,
    )


def _move(run_id: UUID, state: RunState, **fields: object) -> None:
    """Bring a run to a state it may go to from where it is."""
    before = [each.value for each, moves in MOVES.items() if state in moves]
    run = Run.objects.filter(id=run_id)
    if run.filter(state__in=before).update(state=state.value, **fields) != 1:
        raise IllegalMove(run_id, run.get().state, state)
