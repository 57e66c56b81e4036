"""Verbs for threads."""

from uuid import UUID, uuid4

from django.db import transaction

from agents import selectors as agents
from agents.text import is_storable
from chat import timeline, tree
from chat.errors import BadCharacters, BadRequest, KeyReused, NoSuchMessage
from chat.events import (
    ThreadAgentChanged,
    ThreadArchived,
    ThreadEvent,
    ThreadForked,
    ThreadHeadMoved,
    ThreadRenamed,
    ThreadRestored,
    ThreadStarted,
    stream_of,
)
from chat.gateway.door import verb
from chat.models import Thread, User
from tracer.log import append, lock, read

MAX_TITLE = 200


@verb
def start(
    *,
    owner: User,
    agent: str | None = None,
    title: str = "",
    actor: str,
    thread_id: UUID | None = None,
) -> Thread:
    """Begin a conversation.

    Args:
        owner: Whose it is.
        agent: The slug of the agent that answers; the default agent if left out.
        title: If left out, the agent names the thread after its first answer.
        actor: Who does it.
        thread_id: The id that it is to have. The same one twice is one thread.

    Raises:
        NoSuchAgent: There is no such active agent.
        KeyReused: There is a thread of this id that was begun differently.
    """
    chosen = agents.active_agent(agent) if agent else agents.default_agent()
    thread = thread_id or uuid4()
    event = ThreadStarted(
        thread=thread, owner=owner.pk, agent=chosen.slug, title=_checked(title) if title else ""
    )
    _begin(thread, event, actor=actor)
    return Thread.objects.get(id=thread)


def _begin(thread: UUID, event: ThreadStarted | ThreadForked, *, actor: str) -> None:
    """Append a thread's first event, unless just this one is there."""
    with transaction.atomic():
        if lock(stream_of(thread)) == 0:
            append(stream_of(thread), event, actor=actor)
            return
        first = next(read(stream_of(thread), until=1))
        if first.event != event:
            raise KeyReused


@verb
def fork(
    thread: Thread,
    *,
    actor: str,
    message: UUID | None = None,
    seq: int | None = None,
    thread_id: UUID | None = None,
) -> Thread:
    """Go on from a place in a thread, in a new one; the thread itself stays as it is.

    Args:
        thread: The thread to go on from.
        actor: Who does it.
        message: The message to go on from; the head of the moment if left out.
        seq: The event that the moment is at; the last one if left out.
        thread_id: The id that the new one is to have. The same one twice is one thread.

    Raises:
        KeyReused: There is a thread of this id that goes on from elsewhere.
        NoSuchMessage: The message is not in this thread, or was not at that moment.
        NoSuchMoment: The thread has no such event.
    """
    new = thread_id or uuid4()
    with transaction.atomic():
        last = lock(thread.stream)
        thread = Thread.objects.get(id=thread.id)
        if (done := Thread.objects.filter(id=new).first()) is not None:
            if done.origin_id != thread.id:
                raise KeyReused
            return done
        moment = timeline.at(thread, last if seq is None else seq)
        if message is not None:
            found = tree.message_in(thread, message)
            if found.thread_id == thread.id and found.seq > moment.seq:
                raise NoSuchMessage
        event = ThreadForked(
            thread=new,
            owner=thread.owner_id,
            agent=moment.state.agent,
            title=moment.state.title,
            origin=thread.id,
            origin_seq=moment.seq,
            head=message or moment.state.head,
        )
        _begin(new, event, actor=actor)
    return Thread.objects.get(id=new)


@verb
def move_head(thread: Thread, *, message: UUID, actor: str) -> None:
    """Go to the branch that a message is on: the conversation goes on at its end.

    Raises:
        NoSuchMessage: The message is not in this thread.
    """
    with transaction.atomic():
        lock(thread.stream)
        tip = tree.tip_below(thread, tree.message_in(thread, message))
        if tip != Thread.objects.get(id=thread.id).head:
            append(thread.stream, ThreadHeadMoved(thread=thread.id, head=tip), actor=actor)


@verb
def rename(thread: Thread, *, title: str, actor: str) -> None:
    """Give a thread another title.

    Raises:
        BadRequest: The title is empty or longer than 200 characters.
        BadCharacters: It has characters that no text can have.
    """
    _append(thread, ThreadRenamed(thread=thread.id, title=_checked(title)), actor=actor)


@verb
def archive(thread: Thread, *, actor: str) -> None:
    """Put a thread away."""
    if thread.state != Thread.State.ARCHIVED:
        _append(thread, ThreadArchived(thread=thread.id), actor=actor)


@verb
def restore(thread: Thread, *, actor: str) -> None:
    """Get a thread back."""
    if thread.state != Thread.State.ACTIVE:
        _append(thread, ThreadRestored(thread=thread.id), actor=actor)


@verb
def change_agent(thread: Thread, *, agent: str, actor: str) -> None:
    """Have another agent answer by default.

    Raises:
        NoSuchAgent: There is no such active agent.
    """
    chosen = agents.active_agent(agent)
    _append(thread, ThreadAgentChanged(thread=thread.id, agent=chosen.slug), actor=actor)


def _append(thread: Thread, event: ThreadEvent, *, actor: str) -> None:
    """Append an event to a thread that is still there."""
    with transaction.atomic():
        lock(thread.stream)
        append(Thread.objects.get(id=thread.id).stream, event, actor=actor)


def _checked(title: str) -> str:
    title = " ".join(title.split())
    if not title:
        msg = "The title is empty."
        raise BadRequest(msg, code="empty")
    if not is_storable(title):
        raise BadCharacters
    if len(title) > MAX_TITLE:
        msg = f"The title has {len(title)} characters; the limit is {MAX_TITLE}."
        raise BadRequest(msg, code="too_long")
    return title
