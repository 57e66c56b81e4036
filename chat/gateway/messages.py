"""Verbs for messages."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from agents import selectors as agents
from agents.text import is_storable
from chat import selectors
from chat.errors import BadCharacters, EmptyMessage, MessageTooLong
from chat.events import MessageAdded, MessageEdited, RunQueued, ThreadRestored
from chat.models import Message, Thread
from tracer.events import Event
from tracer.log import append, lock


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was taken: the message, and the run that answers it."""

    message: UUID
    run: UUID


def receive(
    *,
    thread: Thread,
    content: str,
    channel: str,
    sender: str,
    agent: str | None = None,
    client_id: UUID | None = None,
    parent: UUID | None = None,
) -> Receipt:
    """Take a person's message and queue the run that answers it. Never waits for a model.

    Args:
        thread: Where it was said.
        content: The text.
        channel: Where it came in: "web", "api", "telegram" …
        sender: Who said it.
        agent: The slug of who is asked; the thread's agent if left out.
        client_id: The sender's own id. The same one twice is one message.
        parent: The message it follows; the newest if left out.

    Raises:
        EmptyMessage, MessageTooLong, BadCharacters: Nothing is stored.
        NoSuchAgent: There is no such active agent.
        NoSuchMessage: The parent is not in this thread.
    """
    check_content(content)
    with transaction.atomic():
        lock(thread.stream)
        if known := selectors.message_by_client_id(thread, client_id):
            return Receipt(message=known.id, run=known.run_id or UUID(int=0))
        thread = Thread.objects.get(id=thread.id)
        asked = agents.active_agent(agent or thread.agent).slug
        place = selectors.message_in(thread, parent).id if parent else None
        receipt = Receipt(message=uuid4(), run=uuid4())
        said = MessageAdded(
            thread=thread.id,
            message=receipt.message,
            role="user",
            content=content,
            agent=asked,
            parent=place or selectors.newest_place(thread),
            run=receipt.run,
            channel=channel,
            sender=sender,
            client_id=client_id,
        )
        queued = RunQueued(
            run=receipt.run,
            agent=asked,
            thread=thread.id,
            message=receipt.message,
            answer=uuid4(),
        )
        back: list[Event] = []
        if thread.state == Thread.State.ARCHIVED:
            back = [ThreadRestored(thread=thread.id)]
        append(thread.stream, *back, said, queued, actor=sender, correlation_id=receipt.run)
    return receipt


def edit(message: Message, *, content: str, actor: str) -> None:
    """Change what a message says. The old text stays in the stream.

    Raises:
        EmptyMessage, MessageTooLong, BadCharacters: Nothing is changed.
    """
    check_content(content)
    if content == message.content:
        return
    event = MessageEdited(thread=message.thread_id, message=message.id, content=content)
    append(message.thread.stream, event, actor=actor)


def check_content(content: str) -> None:
    """Refuse what can't be a message.

    Raises:
        EmptyMessage, MessageTooLong: It has no character, or more bytes than the limit.
        BadCharacters: It has characters that no text can have.
    """
    if not content.strip():
        raise EmptyMessage
    if not is_storable(content):
        raise BadCharacters
    size = len(content.encode())
    if size > settings.MESSAGE_MAX_BYTES:
        raise MessageTooLong(size=size, limit=settings.MESSAGE_MAX_BYTES)
