"""What Celery workers do. Ids in, one function called: each may come twice, or late."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from celery import shared_task

from chat import (
    attachments,
    completions,
    control,
    embeddings,
    gateway,
    leases,
    selectors,
    slots,
    titles,
    turn,
    webhooks,
)
from chat.events import stream_of
from chat.models import Thread
from tracer import live

ON_ITS_WAY = timedelta(seconds=3)
AGAIN_SECONDS = 3


@shared_task(acks_late=False)  # what a lost worker leaves behind, `resume_runs` finds
def run_turn(*, thread_id: str) -> None:
    """Answer what waits in a thread, in order. Second stop of the main road.

    A task is only a wake-up. The lease lets one worker in; whoever comes second goes home,
    and whoever holds it looks once more when it has let go.
    """
    thread = UUID(thread_id)
    with slots.taken():
        while not control.leaving():
            with leases.held(stream_of(thread)) as lease:
                if lease is None:
                    return
                if run := selectors.next_run(thread):
                    turn.take(run, lease)
            if not selectors.has_work(thread):
                return
    if selectors.has_work(thread):  # this process ends: another one goes on
        run_turn.delay(thread_id=thread_id)


@shared_task
def resume_runs() -> int:
    """Send workers to threads whose run nobody sees to: a lost task, or a lost worker.

    What has waited for a person to its deadline is closed, too.

    Returns:
        How many threads were without a worker.
    """
    unattended = selectors.unattended_threads(queued_for=ON_ITS_WAY)
    _send_workers(unattended)
    for thread in selectors.overdue_threads():
        gateway.expire(Thread.objects.get(id=thread))
    return len(unattended)


def resume_abandoned() -> None:
    """Send workers to threads whose worker has vanished. Cheap enough to look all the time."""
    _send_workers(selectors.abandoned_threads())


def _send_workers(threads: Iterable[UUID]) -> None:
    for thread in threads:
        # Every worker looks, again and again; a queue that is long must not grow by that.
        if live.connection().set(f"parley:resumed:{thread}", 1, nx=True, ex=AGAIN_SECONDS):
            run_turn.delay(thread_id=str(thread))


@shared_task
def name_thread(*, thread_id: str, run_id: str) -> None:
    """Name a thread after its first answer, if nobody has named it."""
    with slots.taken():
        titles.name(UUID(thread_id), run_id=UUID(run_id))


@shared_task
def deliver(*, delivery_id: str) -> None:
    """Make one attempt to tell a webhook of an event."""
    with slots.taken():
        webhooks.send(UUID(delivery_id))


@shared_task
def deliver_due() -> None:
    """Send again what was not taken, once its time has come; forget what ended long ago."""
    webhooks.forget_old()
    attachments.forget_unsent()
    for each in webhooks.due():
        deliver.delay(delivery_id=str(each))


@shared_task(acks_late=False)  # a client waits for it; one that is lost asks again
def complete(*, completion_id: str) -> None:
    """Answer a client that keeps its conversation itself."""
    with slots.taken():
        completions.answer(UUID(completion_id))


@shared_task(acks_late=False)
def embed(*, embedding_id: str) -> None:
    """Embed texts for a client."""
    with slots.taken():
        embeddings.answer(UUID(embedding_id))
