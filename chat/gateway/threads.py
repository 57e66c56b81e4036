"""Verbs for threads."""

from uuid import uuid4

from agents import selectors as agents
from agents.text import is_storable
from chat.errors import BadCharacters, BadRequest
from chat.events import (
    ThreadAgentChanged,
    ThreadArchived,
    ThreadRenamed,
    ThreadRestored,
    ThreadStarted,
    stream_of,
)
from chat.models import Thread, User
from tracer.log import append

MAX_TITLE = 200


def start(*, owner: User, agent: str | None = None, title: str = "", actor: str) -> Thread:
    """Begin a conversation.

    Args:
        owner: Whose it is.
        agent: The slug of the agent that answers; the default agent if left out.
        title: If left out, the agent names the thread after its first answer.
        actor: Who does it.

    Raises:
        NoSuchAgent: There is no such active agent.
    """
    chosen = agents.active_agent(agent) if agent else agents.default_agent()
    thread = uuid4()
    event = ThreadStarted(
        thread=thread, owner=owner.pk, agent=chosen.slug, title=_checked(title) if title else ""
    )
    append(stream_of(thread), event, actor=actor)
    return Thread.objects.get(id=thread)


def rename(thread: Thread, *, title: str, actor: str) -> None:
    """Give a thread another title.

    Raises:
        BadRequest: The title is empty or longer than 200 characters.
        BadCharacters: It has characters that no text can have.
    """
    append(thread.stream, ThreadRenamed(thread=thread.id, title=_checked(title)), actor=actor)


def archive(thread: Thread, *, actor: str) -> None:
    """Put a thread away."""
    if thread.state != Thread.State.ARCHIVED:
        append(thread.stream, ThreadArchived(thread=thread.id), actor=actor)


def restore(thread: Thread, *, actor: str) -> None:
    """Get a thread back."""
    if thread.state != Thread.State.ACTIVE:
        append(thread.stream, ThreadRestored(thread=thread.id), actor=actor)


def change_agent(thread: Thread, *, agent: str, actor: str) -> None:
    """Have another agent answer by default.

    Raises:
        NoSuchAgent: There is no such active agent.
    """
    chosen = agents.active_agent(agent)
    append(thread.stream, ThreadAgentChanged(thread=thread.id, agent=chosen.slug), actor=actor)


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
