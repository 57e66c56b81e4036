"""Verbs for messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction

from agents import selectors as agents
from agents.messages import Attached
from chat import attachments, selectors, tree
from chat.errors import NoSuchMessage, NothingToSteer, TooManyPins, TooManySteers
from chat.events import (
    MessageAdded,
    MessageDelivered,
    MessageEdited,
    MessagePinned,
    MessageUnpinned,
    RunQueued,
    ThreadRestored,
)
from chat.gateway.content import Content, check_content
from chat.gateway.decisions import supersede
from chat.gateway.door import check_room, crowd, verb
from chat.models import Message, Run, Thread
from tracer.events import Event
from tracer.log import append, lock

MAX_STEERS = 10
MAX_PINS = 20


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was taken: the message, and the run that answers it."""

    message: UUID
    run: UUID


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in the tree. Without either it follows the newest one.

    Attributes:
        parent: The message it follows.
        replaces: A person's message that it is another wording of; it becomes its sibling.
    """

    parent: UUID | None = None
    replaces: UUID | None = None


@verb
def receive(
    *,
    thread: Thread,
    content: str | Content,
    channel: str,
    sender: str,
    agent: str | None = None,
    client_id: UUID | None = None,
    place: Place | None = None,
) -> Receipt:
    """Take a person's message and queue the run that answers it. Never waits for a model.

    If the thread waits for the person's decision or answer, the message takes its place: what
    waited is refused, that run goes on to its end, and then this message is answered.

    Args:
        thread: Where it was said.
        content: The text, or that with files. Another wording keeps those of the first one.
        channel: Where it came in: "web", "api", "telegram" …
        sender: Who said it.
        agent: The slug of who is asked; the thread's agent if left out.
        client_id: The sender's own id. The same one twice is one message.
        place: Where in the tree; behind the newest message if left out.

    Raises:
        EmptyMessage, MessageTooLong, BadCharacters: Nothing is stored, here and below.
        NoSuchAgent, NoSuchMessage: There is no such active agent, or no such place here.
        NoSuchAttachment, TooManyAttachments: These files can't be sent here.
        QueueFull, Unavailable: Too much is on its way; or the database doesn't answer.
    """
    given = content if isinstance(content, Content) else Content(content)
    check_content(given.text, may_be_empty=bool(given.attachments))
    crowded = crowd(thread)  # counted before the lock is taken, which everybody waits for
    with transaction.atomic():
        lock(thread.stream)
        if known := selectors.message_by_client_id(thread, client_id):
            return Receipt(message=known.id, run=known.run_id or UUID(int=0))
        thread = Thread.objects.get(id=thread.id)
        active = selectors.active_runs(thread)
        check_room(crowded, in_thread=len(active))
        if any(run.state == Run.State.WAITING for run in active):
            supersede(thread, actor=sender)
        receipt, where = Receipt(message=uuid4(), run=uuid4()), place or Place()
        said = MessageAdded(
            thread=thread.id,
            message=receipt.message,
            role="user",
            content=given.text,
            attachments=_files(thread, given, where),
            agent=agents.active_slug(agent or thread.agent),
            parent=_parent(thread, where, active),
            run=receipt.run,
            channel=channel,
            sender=sender,
            client_id=client_id,
        )
        events = [*_back(thread), said, _queued(receipt, said)]
        append(thread.stream, *events, actor=sender, correlation_id=receipt.run)
    return receipt


def _files(thread: Thread, given: Content, place: Place) -> tuple[Attached, ...]:
    """Return what is said of the files of a message; of those before, if it words one anew."""
    if given.attachments:
        return attachments.claim(thread.owner, thread.id, given.attachments)
    return tree.message_in(thread, place.replaces).attached if place.replaces else ()


def _back(thread: Thread) -> list[Event]:
    """Return what brings a thread back that was put away."""
    archived = thread.state == Thread.State.ARCHIVED
    return [ThreadRestored(thread=thread.id)] if archived else []


def _queued(receipt: Receipt, said: MessageAdded) -> RunQueued:
    return RunQueued(
        run=receipt.run,
        agent=said.agent,
        thread=said.thread,
        message=said.message,
        answer=uuid4(),
    )


@verb
def steer(
    *,
    thread: Thread,
    content: str,
    channel: str,
    sender: str,
    client_id: UUID | None = None,
) -> Receipt:
    """Give a person's message to the run that is under way, at its next step.

    If that run ends without a further step, the message is answered afterwards.

    Args:
        thread: Where it was said.
        content: The text.
        channel: Where it came in.
        sender: Who said it.
        client_id: The sender's own id. The same one twice is one message.

    Raises:
        EmptyMessage, MessageTooLong, BadCharacters: Nothing is stored.
        NothingToSteer, TooManySteers: No run takes it in; send it as an ordinary message.
        Unavailable: The database doesn't answer. Nothing is stored.
    """
    check_content(content)
    with transaction.atomic():
        lock(thread.stream)
        if known := selectors.message_by_client_id(thread, client_id):
            return Receipt(message=known.id, run=known.run_id or UUID(int=0))
        thread = Thread.objects.get(id=thread.id)
        run = _steered(thread)
        receipt = Receipt(message=uuid4(), run=run.id)
        said = MessageAdded(
            thread=thread.id,
            message=receipt.message,
            role="user",
            content=content,
            agent=run.agent,
            parent=selectors.newest_place(thread),
            run=run.id,
            channel=channel,
            sender=sender,
            client_id=client_id,
            steer=True,
        )
        append(thread.stream, said, actor=sender, correlation_id=run.id)
    return receipt


def _steered(thread: Thread) -> Run:
    """Return the run that takes a message in while it is under way."""
    run = next(iter(selectors.active_runs(thread)), None)
    if run is None or run.state == Run.State.WAITING or run.cancel_requested:
        raise NothingToSteer
    if len(selectors.untaken(run)) >= MAX_STEERS:
        raise TooManySteers(MAX_STEERS)
    return run


def _parent(thread: Thread, place: Place, active: Sequence[Run]) -> UUID | None:
    if place.replaces is not None:
        replaced = tree.message_in(thread, place.replaces)
        if replaced.role != Message.Role.USER:
            raise NoSuchMessage
        return replaced.parent_id
    if place.parent is not None:
        return tree.message_in(thread, place.parent).id
    return active[-1].answer_id if active else thread.head


@verb
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


@verb
def delivered(
    thread: Thread, *, message: UUID, channel: str, place: str, references: Sequence[str]
) -> None:
    """Note that a message stands in a channel elsewhere.

    Args:
        thread: Whose message it is.
        message: Which one.
        channel: Such as "telegram".
        place: Where there, in the channel's own words.
        references: The ids that it has there, in order.
    """
    with transaction.atomic():
        lock(thread.stream)
        event = MessageDelivered(
            thread=Thread.objects.get(id=thread.id).id,
            message=message,
            channel=channel,
            place=place,
            references=tuple(references),
        )
        append(thread.stream, event, actor=f"channel:{channel}")


@verb
def pin(thread: Thread, *, message: UUID, pinned: bool, actor: str) -> None:
    """Pin a message, or take its pin away: pinned ones are never summarised.

    Raises:
        NoSuchMessage: The message is not in this thread.
        TooManyPins: The thread has as many as it can have.
    """
    with transaction.atomic():
        lock(thread.stream)
        found = tree.message_in(thread, message)
        held = tree.pins_of(thread)
        if (found.id in held) == pinned:
            return
        if pinned and len(held) >= MAX_PINS:
            raise TooManyPins(MAX_PINS)
        kind = MessagePinned if pinned else MessageUnpinned
        append(thread.stream, kind(thread=thread.id, message=found.id), actor=actor)
