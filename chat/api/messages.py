"""`/threads/{id}/messages`: read them, say something."""

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate

from agents.paging import CursorPages
from chat import gateway, selectors, tree
from chat.api.access import CHAT, actor, caller
from chat.api.attachments import AttachmentOut
from chat.api.threads import IdempotencyKey
from chat.errors import KeyReused
from chat.models import Message

router = Router(tags=["messages"])


class MessageIn(Schema):
    """Something to say."""

    content: str = Field(examples=["What is 17*23?"], description="May be empty with a file.")
    agent: str | None = Field(None, max_length=50, description="Who is asked: a slug.")
    parent: UUID | None = Field(None, description="The message that it follows.")
    replaces: UUID | None = Field(None, description="The message it is another wording of.")
    steer: bool = Field(False, description="Give it to the run that is under way.")  # noqa: FBT003
    attachments: list[UUID] = Field([], max_length=10, description="Files that were uploaded.")
    client_id: UUID | None = Field(None, description="Your id: the same twice is one message.")


class MessageOut(Schema):
    """A message of the tree. `parent` is what it follows."""

    id: UUID
    parent: UUID | None = Field(None, alias="parent_id")
    role: str
    content: str
    agent: str
    run: UUID | None = Field(None, alias="run_id")
    channel: str
    sender: str
    finish: str
    attachments: list[AttachmentOut]
    seq: int
    created_at: datetime
    edited_at: datetime | None


class ReceiptOut(Schema):
    """What was taken: the message, and the run that answers it."""

    message: UUID
    run: UUID


@router.get("/threads/{uuid:thread_id}/messages", response=list[MessageOut])
@paginate(CursorPages, order=("seq", "id"))
def list_messages(
    request: HttpRequest,
    thread_id: UUID,
    *,
    role: Literal["user", "assistant"] | None = None,
    run: UUID | None = None,
) -> QuerySet[Message]:
    """All messages of a thread's tree, in the order they came.

    What a fork has taken along stands in the thread that it goes on from (`origin`).
    """
    thread = selectors.thread_for(caller(request), thread_id)
    wanted = {name: value for name, value in (("role", role), ("run_id", run)) if value}
    return Message.objects.filter(thread=thread, **wanted)


@router.post("/threads/{uuid:thread_id}/messages", response={202: ReceiptOut}, auth=CHAT)
def send_message(
    request: HttpRequest,
    thread_id: UUID,
    payload: MessageIn,
    *,
    idempotency_key: IdempotencyKey = None,
) -> Status[gateway.Receipt]:
    """Say something. The answer streams over the thread's socket and lands as a message.

    The same `Idempotency-Key` (or `client_id`) twice is one message.
    """
    thread = selectors.thread_for(caller(request), thread_id)
    client_id = payload.client_id
    if client_id is None and idempotency_key:
        client_id = uuid5(thread.id, idempotency_key)
        known = selectors.message_by_client_id(thread, client_id)
        if known and known.edited_at is None and known.content != payload.content:
            raise KeyReused
    if payload.steer:
        receipt = gateway.steer(
            thread=thread,
            content=payload.content,
            channel="api",
            sender=actor(request),
            client_id=client_id,
        )
    else:
        receipt = gateway.receive(
            thread=thread,
            content=gateway.Content(payload.content, tuple(payload.attachments)),
            channel="api",
            sender=actor(request),
            agent=payload.agent,
            client_id=client_id,
            place=gateway.Place(parent=payload.parent, replaces=payload.replaces),
        )
    return Status(202, receipt)


@router.get("/threads/{uuid:thread_id}/pins", response=list[UUID])
def list_pins(request: HttpRequest, thread_id: UUID) -> list[UUID]:
    """The pinned messages: a model is shown them word for word, however long the thread is."""
    return sorted(tree.pins_of(selectors.thread_for(caller(request), thread_id)))


@router.put("/threads/{uuid:thread_id}/pins/{uuid:message_id}", response={204: None}, auth=CHAT)
def pin(request: HttpRequest, thread_id: UUID, message_id: UUID) -> Status[None]:
    """Pin a message."""
    thread = selectors.thread_for(caller(request), thread_id)
    gateway.pin(thread, message=message_id, pinned=True, actor=actor(request))
    return Status(204, None)


@router.delete("/threads/{uuid:thread_id}/pins/{uuid:message_id}", response={204: None}, auth=CHAT)
def unpin(request: HttpRequest, thread_id: UUID, message_id: UUID) -> Status[None]:
    """Take a message's pin away."""
    thread = selectors.thread_for(caller(request), thread_id)
    gateway.pin(thread, message=message_id, pinned=False, actor=actor(request))
    return Status(204, None)
