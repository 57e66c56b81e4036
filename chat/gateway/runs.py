"""Verbs for runs."""

from uuid import UUID, uuid4

from django.db import transaction

from agents import selectors as agents
from chat import selectors
from chat.errors import NothingToRetry, NothingToStop, RunActive
from chat.events import RunCancelled, RunCancelRequested, RunQueued, ThreadHeadMoved
from chat.models import Run, Thread
from tracer.log import append, lock


def stop(thread: Thread, *, actor: str) -> list[UUID]:
    """Stop what runs or waits in a thread; what was said so far is kept.

    A run that waits for a worker ends here; one that a worker has is ended by it.

    Returns:
        The runs that stop.

    Raises:
        NothingToStop: No run is under way.
    """
    with transaction.atomic():
        lock(thread.stream)
        active = list(selectors.active_runs(thread))
        if not active:
            raise NothingToStop
        for run in active:
            event: RunCancelled | RunCancelRequested
            if run.state == Run.State.RUNNING:
                event = RunCancelRequested(run=run.id, agent=run.agent)
            else:
                event = RunCancelled(run=run.id, agent=run.agent)
            append(thread.stream, event, actor=actor, correlation_id=run.id)
    return [run.id for run in active]


def retry(thread: Thread, *, actor: str) -> UUID:
    """Have the last message answered once more; the earlier answer stays beside the new one.

    Returns:
        The new run.

    Raises:
        NothingToRetry: No run has ended here yet.
        RunActive: A run is still under way.
        NoSuchAgent: The agent is not there any more.
    """
    with transaction.atomic():
        lock(thread.stream)
        if selectors.active_runs(thread).exists():
            raise RunActive
        last = selectors.last_run(thread)
        if last is None:
            raise NothingToRetry
        run = uuid4()
        queued = RunQueued(
            run=run,
            agent=agents.active_agent(last.agent).slug,
            thread=thread.id,
            message=last.message_id,
            answer=uuid4(),
            retry_of=last.id,
        )
        back = ThreadHeadMoved(thread=thread.id, head=last.message_id)
        append(thread.stream, back, queued, actor=actor, correlation_id=run)
    return run
