"""What there is to see of conversations, and for whom. Reads only; permission sits here."""

from datetime import timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db.models import Exists, Func, OuterRef, Q, QuerySet, TextField
from django.utils import timezone
from typing_extensions import override

from chat.errors import NoSuchAttachment, NoSuchRun, NoSuchThread, NotYours
from chat.events import ACTIVE, PREFIX
from chat.models import Attachment, Lease, Message, Run, Thread, User, Webhook


def threads_of(user: User) -> QuerySet[Thread]:
    """Return a person's threads, the last used first."""
    return Thread.objects.filter(owner=user)


class _StreamName(Func):
    """The name of a thread's stream, from its id, in the database's words."""

    output_field = TextField()

    @override
    def as_sql(  # type: ignore[override]  # the names are Django's, and passed on
        self, compiler: Any, connection: Any, **kwargs: Any
    ) -> Any:
        template = f"'{PREFIX}' || (%(expressions)s)::text"
        if connection.vendor == "sqlite":  # it keeps ids without their hyphens
            parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
            cut = " || '-' || ".join(f"substr(%(expressions)s, {b}, {n})" for b, n in parts)
            template = f"'{PREFIX}' || {cut}"
        return super().as_sql(compiler, connection, template=template, **kwargs)


def streams_of(user: User) -> Q:
    """Select the events that a person may see: of own threads, topics and completions."""
    threads = threads_of(user).order_by().values_list(_StreamName("id"))
    own = Q(stream__in=threads)
    for kind in ("topic", "completion"):
        own |= Q(stream__startswith=f"{kind}:{user.pk}:")
    return own


def webhooks_of(user: User) -> QuerySet[Webhook]:
    """Return a person's webhooks."""
    return Webhook.objects.filter(owner=user)


def thread_for(user: User, thread_id: UUID) -> Thread:
    """Return a thread that this person may see.

    Raises:
        NoSuchThread: It is not there.
        NotYours: It belongs to somebody else.
    """
    try:
        found = Thread.objects.get(id=thread_id)
    except Thread.DoesNotExist:
        raise NoSuchThread from None
    if found.owner_id != user.pk:
        raise NotYours
    return found


def attachment_for(user: User, attachment_id: UUID) -> Attachment:
    """Return a file that this person may see.

    Raises:
        NoSuchAttachment: It is not there, or belongs to somebody else.
    """
    found = Attachment.objects.filter(id=attachment_id, owner=user).first()
    if found is None:
        raise NoSuchAttachment
    return found


def run_for(user: User, run_id: UUID) -> Run:
    """Return a run that this person may see.

    Raises:
        NoSuchRun: It is not there.
        NotYours: It belongs to somebody else.
    """
    found = Run.objects.select_related("thread").filter(id=run_id).first()
    if found is None:
        raise NoSuchRun
    if found.thread.owner_id != user.pk:
        raise NotYours
    return found


def was_answered(run: Run) -> bool:
    """Tell whether the message of a run was answered before: then another answer is wanted."""
    return Run.objects.filter(message_id=run.message_id).exclude(id=run.id).exists()


def role_of(message_id: UUID) -> str:
    """Return who wrote a message: "user" or "assistant"."""
    return Message.objects.values_list("role", flat=True).get(id=message_id)


def message_by_client_id(thread: Thread, client_id: UUID | None) -> Message | None:
    """Return the message that a client sent under this id, if it did."""
    if client_id is None:
        return None
    return Message.objects.filter(thread=thread, client_id=client_id).first()


def newest_place(thread: Thread) -> UUID | None:
    """Return what the next message follows: the answer on its way, else the head."""
    active = active_runs(thread)
    return active[-1].answer_id if active else thread.head


def active_runs(thread: Thread) -> list[Run]:
    """Return a thread's runs that have not ended, in order. There are few of them."""
    return sorted(_active(thread.id), key=attrgetter("seq"))


def _active(thread_id: UUID) -> QuerySet[Run]:
    """Return the active runs of a thread, found by their state.

    They are in no order: in that of their numbers, SQLite would look at all runs of the thread.
    """
    return Run.objects.filter(thread_id=thread_id, state__in=ACTIVE).order_by()


def waiting_run(thread: Thread, *, overdue: bool = False) -> Run | None:
    """Return the run of a thread that waits for a person, if any; only one at its deadline."""
    waiting = _active(thread.id).filter(state=Run.State.WAITING)
    if overdue:
        waiting = waiting.filter(waiting_until__lt=timezone.now())
    return min(waiting, key=attrgetter("seq"), default=None)


def next_run(thread_id: UUID) -> Run | None:
    """Return the run that a worker with the thread's lease has to see to now."""
    first = min(_active(thread_id), key=attrgetter("seq"), default=None)
    return first if first and first.state != Run.State.WAITING else None


def has_work(thread_id: UUID) -> bool:
    """Tell whether a worker with the thread's lease would find something to do."""
    first = min(_active(thread_id).values_list("seq", "state"), default=None)
    return first is not None and first[1] != Run.State.WAITING


def active_owners(*, at_most: int) -> list[int]:
    """Return whose the runs are that have not ended, one by one, up to a number of them."""
    active = Run.objects.filter(state__in=ACTIVE).order_by()
    return list(active.values_list("thread__owner_id", flat=True)[:at_most])


def overdue_threads() -> list[UUID]:
    """Return the threads with a run that has waited for a person to its deadline."""
    overdue = Run.objects.filter(state=Run.State.WAITING, waiting_until__lt=timezone.now())
    return list(overdue.values_list("thread_id", flat=True))


def untaken(run: Run) -> list[Message]:
    """Return the messages that were sent to a run under way and have not reached its model.

    They are asked for twice in each run, so only what somebody looks at is read.
    """
    sent = Message.objects.only("thread_id", "content", "agent", "sender").filter(
        thread_id=run.thread_id,
        seq__gt=run.seq,
        run_id=run.id,
        role=Message.Role.USER,
        taken_by=None,
    )
    return list(sent.order_by("seq"))


def last_run(thread: Thread) -> Run | None:
    """Return the run that was queued last."""
    return Run.objects.filter(thread=thread).order_by("seq").last()


def _held_leases() -> QuerySet[Lease]:
    """Return the leases that somebody holds: by the index, few of as many as there are threads."""
    return Lease.objects.filter(holder__gt="")


def abandoned_threads() -> list[UUID]:
    """Return the threads whose worker has vanished: it has not renewed its lease."""
    expired = _held_leases().filter(expires_at__lte=timezone.now())
    names = expired.values_list("stream", flat=True)
    return [UUID(name.removeprefix(PREFIX)) for name in names if name.startswith(PREFIX)]


def unattended_threads(*, queued_for: timedelta) -> list[UUID]:
    """Return the threads with a run that no worker sees to: nobody holds their lease.

    Args:
        queued_for: How long a run must have waited to count; its task may be on its way.
    """
    now = timezone.now()
    held = _held_leases().filter(expires_at__gt=now)
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
