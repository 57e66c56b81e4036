"""The rows of a conversation, folded from its events. Nobody else writes them.

Each handler takes an event and changes rows; times come from the event, never from the clock,
so that a rebuild gives the same rows to the last byte.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Coalesce

from chat.events import (
    MOVES,
    MessageAdded,
    MessageEdited,
    RunCancelled,
    RunCancelRequested,
    RunCompleted,
    RunFailed,
    RunQueued,
    RunStarted,
    RunState,
    ThreadAgentChanged,
    ThreadArchived,
    ThreadHeadMoved,
    ThreadRenamed,
    ThreadRestored,
    ThreadStarted,
)
from chat.models import Message, Run, Thread
from tracer.events import Event, Recorded

MODELS = (Thread, Message, Run)

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
        title=event.title,
        agent=event.agent,
        started_at=entry.at,
        updated_at=entry.at,
    )


@_on(ThreadRenamed)
def _thread_renamed(event: ThreadRenamed, _: Recorded) -> None:
    Thread.objects.filter(id=event.thread).update(title=event.title)


@_on(ThreadArchived)
def _thread_archived(event: ThreadArchived, _: Recorded) -> None:
    Thread.objects.filter(id=event.thread).update(state=Thread.State.ARCHIVED)


@_on(ThreadRestored)
def _thread_restored(event: ThreadRestored, _: Recorded) -> None:
    Thread.objects.filter(id=event.thread).update(state=Thread.State.ACTIVE)


@_on(ThreadAgentChanged)
def _thread_agent_changed(event: ThreadAgentChanged, _: Recorded) -> None:
    Thread.objects.filter(id=event.thread).update(agent=event.agent)


@_on(ThreadHeadMoved)
def _thread_head_moved(event: ThreadHeadMoved, _: Recorded) -> None:
    Thread.objects.filter(id=event.thread).update(head=event.head)


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
        seq=entry.seq,
        created_at=entry.at,
    )
    thread = Thread.objects.filter(id=event.thread)
    if _is_behind_the_head(event):
        thread.update(updated_at=entry.at)
    else:
        thread.update(updated_at=entry.at, head=event.message)


def _is_behind_the_head(event: MessageAdded) -> bool:
    """Tell whether the conversation has gone on behind an answer before it was there.

    A message that is sent while a run is under way is a child of the answer to come.
    """
    if event.role == "user":
        return False
    place = Thread.objects.values_list("head", flat=True).get(id=event.thread)
    while place is not None and place != event.parent:
        place = Message.objects.filter(id=place).values_list("parent_id", flat=True).first()
        if place == event.message:
            return True
    return False


@_on(MessageEdited)
def _message_edited(event: MessageEdited, entry: Recorded) -> None:
    Message.objects.filter(id=event.message).update(content=event.content, edited_at=entry.at)


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
        usage=event.usage.model_dump() if event.usage else None,
        error=event.error.model_dump() if isinstance(event, RunFailed) else None,
    )


def _move(run_id: UUID, state: RunState, **fields: object) -> None:
    """Bring a run to a state it may go to from where it is."""
    before = [each.value for each, moves in MOVES.items() if state in moves]
    run = Run.objects.filter(id=run_id)
    if run.filter(state__in=before).update(state=state.value, **fields) != 1:
        raise IllegalMove(run_id, run.get().state, state)
