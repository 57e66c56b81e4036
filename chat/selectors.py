"""What there is to see of conversations, and for whom. Reads only; permission sits here."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from chat.errors import NoSuchMessage, NoSuchThread, NotYours
from chat.events import ACTIVE, PREFIX
from chat.models import Lease, Message, Run, Thread, User


def threads_of(user: User) -> QuerySet[Thread]:
    """Return a person's threads, the last used first."""
    return Thread.objects.filter(owner=user)


def thread_for(user: User, thread_id: UUID) -> Thread:
    """Return a thread that this person may see.

    Raises:
        NoSuchThread: It is not there.
        NotYours: It belongs to somebody else.
    """
    found = Thread.objects.filter(id=thread_id).first()
    if found is None:
        raise NoSuchThread
    if found.owner_id != user.pk:
        raise NotYours
    return found


def message_in(thread: Thread, message_id: UUID) -> Message:
    """Return a message of a thread.

    Raises:
        NoSuchMessage: It is not there, or in another thread.
    """
    found = Message.objects.filter(thread=thread, id=message_id).first()
    if found is None:
        raise NoSuchMessage
    return found


def role_of(message_id: UUID) -> str:
    """Return who wrote a message: "user" or "assistant"."""
    return Message.objects.values_list("role", flat=True).get(id=message_id)


def message_by_client_id(thread: Thread, client_id: UUID | None) -> Message | None:
    """Return the message that a client sent under this id, if it did."""
    if client_id is None:
        return None
    return Message.objects.filter(thread=thread, client_id=client_id).first()


def path(thread: Thread, tip: UUID | None) -> list[Message]:
    """Return the messages from the first one to `tip`, in order.

    A message may be the child of an answer that never came; then the message that this
    answer was for comes next.
    """
    messages = {message.id: message for message in Message.objects.filter(thread=thread)}
    asked = dict(Run.objects.filter(thread=thread).values_list("answer_id", "message_id"))
    found: list[Message] = []
    place = tip
    while place is not None:
        message = messages.pop(place, None)
        if message is None:
            place = asked.pop(place, None)
            continue
        found.append(message)
        place = message.parent_id
    found.reverse()
    return found


def newest_place(thread: Thread) -> UUID | None:
    """Return what the next message follows: the answer on its way, else the head."""
    waiting = active_runs(thread).last()
    return waiting.answer_id if waiting else thread.head


def active_runs(thread: Thread) -> QuerySet[Run]:
    """Return a thread's runs that have not ended, in order."""
    return Run.objects.filter(thread=thread, state__in=ACTIVE).order_by("seq")


def next_run(thread_id: UUID) -> Run | None:
    """Return the run that a worker with the thread's lease has to see to now."""
    first = Run.objects.filter(thread_id=thread_id, state__in=ACTIVE).order_by("seq").first()
    return first if first and first.state != Run.State.WAITING else None


def has_work(thread_id: UUID) -> bool:
    """Tell whether a worker with the thread's lease would find something to do."""
    return next_run(thread_id) is not None


def last_run(thread: Thread) -> Run | None:
    """Return the run that was queued last."""
    return Run.objects.filter(thread=thread).order_by("seq").last()


def failed_runs(thread: Thread, message_ids: Iterable[UUID]) -> dict[UUID, Run]:
    """Return, for messages whose last run has failed, that run."""
    runs = Run.objects.filter(thread=thread, message_id__in=list(message_ids)).order_by("seq")
    last = {run.message_id: run for run in runs}
    return {message: run for message, run in last.items() if run.state == Run.State.FAILED}


def unattended_threads(*, queued_for: timedelta) -> list[UUID]:
    """Return the threads with a run that no worker sees to: nobody holds their lease.

    Args:
        queued_for: How long a run must have waited to count; its task may be on its way.
    """
    now = timezone.now()
    held = Lease.objects.filter(expires_at__gt=now).exclude(holder="")
    streams = {name.removeprefix(PREFIX) for name in held.values_list("stream", flat=True)}
    todo = Run.objects.filter(
        state__in=(Run.State.QUEUED, Run.State.RUNNING), queued_at__lt=now - queued_for
    ).exclude(
        Exists(
            Run.objects.filter(
                thread_id=OuterRef("thread_id"),
                state=Run.State.WAITING,
                seq__lt=OuterRef("seq"),
            )
        )
    )
    found = todo.values_list("thread_id", flat=True).distinct()
    return [thread for thread in found if str(thread) not in streams]
