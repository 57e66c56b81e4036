"""The tree of a conversation's messages: paths, branches, and what a fork has taken along.

A message knows its parent, so a path is walked from its tip upwards, as far as somebody wants
to see: what it costs depends on that, not on the length of the thread.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db.models import Q, QuerySet

from chat.errors import NoSuchMessage
from chat.models import Message, Pin, Run, Thread

FIRST_PAGE = 40
LARGEST_PAGE = 640


def upwards(tip: UUID | None, *, page: int = FIRST_PAGE) -> Iterator[Message]:
    """Walk from a message to the first one. Pages grow, so that a short walk is a short read.

    A message may be the child of an answer that never came; then the message that this
    answer was for comes next.

    Args:
        tip: The message to begin with.
        page: How many to read first.
    """
    read: dict[UUID, Message] = {}
    size, place = page, tip
    while place is not None:
        message = read.pop(place, None) or Message.objects.filter(id=place).first()
        if message is None:
            asked = Run.objects.filter(answer_id=place).values_list("message_id", flat=True)
            place = asked.first()
            continue
        yield message
        place = message.parent_id
        if place is not None and place not in read:
            read = {each.id: each for each in _before(message, size)}
            size = min(LARGEST_PAGE, size * 2)


def _before(message: Message, size: int) -> QuerySet[Message]:
    older = Message.objects.filter(thread_id=message.thread_id, seq__lt=message.seq)
    return older.order_by("-seq")[:size]


def past_of(thread: Thread) -> dict[UUID, int | None]:
    """Return the threads that this one is made of, with the last seq of each that counts.

    The thread itself counts to its end; the one it was forked from, up to there, and so on.
    """
    past: dict[UUID, int | None] = {thread.id: None}
    while thread.origin_id is not None and thread.origin_id not in past:
        past[thread.origin_id] = thread.origin_seq
        thread = Thread.objects.get(id=thread.origin_id)
    return past


def messages_of(thread: Thread) -> QuerySet[Message]:
    """Return all messages of a thread's tree, with those that a fork has taken along."""
    return Message.objects.filter(within(past_of(thread)))


def within(past: dict[UUID, int | None]) -> Q:
    """Select the rows of what happened in a thread and, up to the fork, in those before it.

    Args:
        past: What the thread is made of; see `past_of`.
    """
    which = Q()
    for thread, until in past.items():
        which |= Q(thread_id=thread) if until is None else Q(thread_id=thread, seq__lte=until)
    return which


def pins_of(thread: Thread, *, until: int | None = None) -> set[UUID]:
    """Return the messages that are pinned in a thread, with those that a fork has taken along.

    Args:
        thread: The thread.
        until: The last of its events that counts; all if left out.
    """
    past = past_of(thread) | {thread.id: until}
    rows = list(Pin.objects.filter(within(past)).order_by("seq"))
    last: dict[UUID, bool] = {}
    for each in reversed(past):  # the oldest thread first
        last |= {pin.message_id: pin.pinned for pin in rows if pin.thread_id == each}
    return {message for message, pinned in last.items() if pinned}


def message_in(thread: Thread, message_id: UUID) -> Message:
    """Return a message of a thread.

    Raises:
        NoSuchMessage: It is not there, or in another thread.
    """
    found = messages_of(thread).filter(id=message_id).first()
    if found is None:
        raise NoSuchMessage
    return found


def siblings(thread: Thread, messages: Iterable[Message]) -> dict[UUID, list[UUID]]:
    """Return, for each message that has siblings, their ids and its own, in order.

    Siblings follow the same message and have the same role: other wordings of a question, other
    answers to it.
    """
    shown = list(messages)
    parents = {each.parent_id for each in shown}
    which = Q(parent_id__in=parents - {None})
    if None in parents:
        which |= Q(parent_id=None)
    family: dict[tuple[UUID | None, str], list[UUID]] = {}
    found = messages_of(thread).filter(which, taken_by=None).order_by("seq")
    for parent, role, each in found.values_list("parent_id", "role", "id"):
        family.setdefault((parent, role), []).append(each)
    together = {each.id: family.get((each.parent_id, each.role), []) for each in shown}
    return {message: ids for message, ids in together.items() if len(ids) > 1}


def tip_below(thread: Thread, message: Message) -> UUID:
    """Return where the newest branch through a message ends."""
    found = messages_of(thread).order_by("seq")
    children = dict(found.values_list("parent_id", "id"))  # of siblings, the newest
    answers = Run.objects.filter(thread=thread).order_by("seq")
    answer_to = dict(answers.values_list("message_id", "answer_id"))
    place = message.id
    while True:
        following = children.get(place) or children.get(answer_to.get(place, place))
        if following is None:
            return place
        place = following
