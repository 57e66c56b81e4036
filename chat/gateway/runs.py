"""Verbs for runs."""

from uuid import UUID, uuid4

from django.db import transaction

from agents import selectors as agents
from chat import answers, context, selectors, tree
from chat.errors import NothingToRetry, NothingToStop, RunActive
from chat.events import RunCancelled, RunCancelRequested, RunQueued, ThreadHeadMoved
from chat.gateway.door import check_room, crowd, verb
from chat.models import Message, Run, Thread
from tracer.events import Event
from tracer.log import append, lock


@verb
def stop(thread: Thread, *, actor: str, run: UUID | None = None) -> list[UUID]:
    """Stop what runs or waits in a thread; what was said so far is kept.

    A run that waits, for a worker or for a person, ends here; one that a worker has is ended
    by it.

    Args:
        thread: Where.
        actor: Who does it.
        run: Only this run.

    Returns:
        The runs that stop.

    Raises:
        NothingToStop: No run is under way.
    """
    with transaction.atomic():
        lock(thread.stream)
        active = [each for each in selectors.active_runs(thread) if run in {None, each.id}]
        if not active:
            raise NothingToStop
        for each in active:
            append(thread.stream, *_stopping(each), actor=actor, correlation_id=each.id)
    return [each.id for each in active]


def _stopping(run: Run) -> list[Event]:
    if run.state == Run.State.RUNNING:
        return [RunCancelRequested(run=run.id, agent=run.agent)]
    said = context.said(run) if run.attempt else ""
    message = run.answer_id if said else None
    ended = RunCancelled(run=run.id, agent=run.agent, message=message)
    return [answers.message(run, said, finish="stopped"), ended] if said else [ended]


@verb
def retry(thread: Thread, *, actor: str, message: UUID | None = None) -> UUID:
    """Have a message answered once more; the earlier answer stays beside the new one.

    Args:
        thread: Where.
        actor: Who does it.
        message: The message, or an answer to it; what was answered last if left out.

    Returns:
        The new run.

    Raises:
        NothingToRetry: No run has ended here yet, or none has answered this message.
        NoSuchMessage: It is not in this thread.
        RunActive: A run is still under way.
        NoSuchAgent: The agent is not there any more.
        QueueFull: Too much is on its way.
        Unavailable: The database doesn't answer. Nothing is stored.
    """
    crowded = crowd(thread)
    with transaction.atomic():
        lock(thread.stream)
        if selectors.active_runs(thread):
            raise RunActive
        last = _answering(thread, message) if message else selectors.last_run(thread)
        if last is None:
            raise NothingToRetry
        check_room(crowded, in_thread=0)
        run = uuid4()
        queued = RunQueued(
            run=run,
            agent=agents.active_slug(last.agent),
            thread=thread.id,
            message=last.message_id,
            answer=uuid4(),
            retry_of=last.id,
        )
        back = ThreadHeadMoved(thread=thread.id, head=last.message_id)
        append(thread.stream, back, queued, actor=actor, correlation_id=run)
    return run


def answer_late(run: Run, *, stopped: bool) -> None:
    """Queue a run for the last message that was said to a run and did not reach its model.

    Args:
        run: The run, which has just ended.
        stopped: Whether the person stopped the run: then this one is stopped as well, and waits
            for a retry.
    """
    late = selectors.untaken(run)
    if not late:
        return
    message = late[-1]
    new = RunQueued(
        run=uuid4(),
        agent=message.agent,
        thread=message.thread_id,
        message=message.id,
        answer=uuid4(),
    )
    events: list[Event] = [new]
    if stopped:
        events.append(RunCancelled(run=new.run, agent=new.agent))
    append(run.thread.stream, *events, actor=message.sender, correlation_id=new.run)


def _answering(thread: Thread, message_id: UUID) -> Run | None:
    """Return the last run that answered a message, given by itself or by an answer to it."""
    found = tree.message_in(thread, message_id)
    if found.role == Message.Role.ASSISTANT:
        return Run.objects.filter(answer_id=found.id).first()
    return Run.objects.filter(message_id=found.id).order_by("queued_at").last()
