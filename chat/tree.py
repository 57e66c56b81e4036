"""The tree of a conversation's messages: paths, branches, and what a fork has taken along.

A message knows its parent, so a path is walked from its tip upwards, as far as somebody wants
to see: what it costs depends on that, not on the length of the thread.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from uuid import UUID

from django.db.models import Q, QuerySet

from chat.errors import NoSuchMessage
from chat.models import Message, Pin, Run, Thread

FIRST_PAGE = 40
LARGEST_PAGE = 160


def upwards(
    tip: UUID | None, *, page: int = FIRST_PAGE, without: Sequence[str] = ()
) -> Iterator[Message]:
    """Walk from a message to the first one. Pages grow, so that a short walk is a short read.

    A message may be the child of an answer that never came; then the message that this
    answer was for comes next.

    Args:
        tip: The message to begin with.
        page: How many to read first.
        without: Fields that nobody will look at.
    """
    read = _Read(page, without)
    place = tip
    while place is not None:
        message = read.take(place)
        if message is None:
            asked = Run.objects.filter(answer_id=place).values_list("message_id", flat=True)
            place = asked.first()
            continue
        yield message
        place = message.parent_id
        if place is not None:
            read.look_before(message, wanted=place)


class _Read:
    """The messages that were read on the way upwards, and between which places of their thread."""

    def __init__(self, page: int, without: Sequence[str]) -> None:
        self._size = page
        self._rows = Message.objects.defer(*without)
        self._messages: dict[UUID, Message] = {}
        self._thread: UUID | None = None
        self._low = self._high = 0

    def take(self, place: UUID) -> Message | None:
        """Return a message; it is read if it was not yet."""
        if known := self._messages.pop(place, None):
            return known
        try:
            message = self._rows.get(id=place)
        except Message.DoesNotExist:
            return None
        self._look_around(message)
        return message

    def _look_around(self, message: Message) -> None:
        """Read the neighbours of a message that was not among those read.

        What was sent before an earlier answer was there stands before that answer, though it
        follows it: such a path goes up and down in its thread.
        """
        if message.thread_id != self._thread:  # a fork's past
            self._thread, self._low, self._high = message.thread_id, message.seq, message.seq
        elif message.seq > self._high:
            self._page(message, down_to=self._high + 1)
            self._high = message.seq
        elif message.seq < self._low:
            self._look_below(message)

    def look_before(self, message: Message, *, wanted: UUID) -> None:
        """Read what stands before a message, if nothing of that was read yet."""
        if wanted not in self._messages and message.seq <= self._low:
            self._look_below(message)

    def _look_below(self, message: Message) -> None:
        found = self._page(message)
        self._low = min([each.seq for each in found], default=0)

    def _page(self, message: Message, *, down_to: int = 0) -> list[Message]:
        older = self._rows.filter(thread_id=message.thread_id, seq__lt=message.seq)
        found = list(older.filter(seq__gte=down_to).order_by("-seq")[: self._size])
        self._messages |= {each.id: each for each in found}
        self._size = min(LARGEST_PAGE, self._size * 2)
        return found


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
    # In one query, or in the database's order, SQLite would look at all messages of the thread.
    below = messages_of(thread).filter(taken_by=None).order_by()
    found = [below.filter(parent_id__in=parents - {None})]
    if None in parents:
        found.append(below.filter(parent_id=None))
    rows = chain(*(each.values_list("seq", "parent_id", "role", "id") for each in found))
    family: dict[tuple[UUID | None, str], list[UUID]] = {}
    for _, parent, role, each in sorted(rows, key=itemgetter(0)):
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
