"""`/threads`: list, start, look at one."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Field, FilterLookup, FilterSchema, Header, Path, Query, Router, Schema, Status
from ninja.pagination import paginate
from pydantic import AwareDatetime

from agents.paging import CursorPages
from chat import gateway, selectors, timeline
from chat.api.access import CHAT, actor, caller, named_by
from chat.exports import exported
from chat.files import ThreadFile, load_files
from chat.frames import MOST_DIGITS
from chat.models import Thread

router = Router(tags=["threads"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="The same key again gives what the first request gave.",
    ),
]
Seq = Annotated[int, Path(ge=1, lt=10**MOST_DIGITS, description="The number of an event.")]
EXPORT = {
    "responses": {
        200: {
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/markdown": {"schema": {"type": "string"}},
            }
        }
    }
}
Title = Annotated[str, Field(max_length=1_000, examples=["A trip to the sea"])]
FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ThreadFile.model_json_schema()},
            "application/zip": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class ThreadIn(Schema):
    """A thread to start."""

    agent: str | None = Field(None, max_length=50, examples=["demo"])
    title: Title = ""


class ThreadPatch(Schema):
    """What is to change of a thread; what is left out stays."""

    title: Title | None = None
    agent: str | None = Field(None, max_length=50, examples=["demo"])
    state: Literal["active", "archived"] | None = None
    head: UUID | None = Field(None, description="A message: go to the branch that it is on.")


class ThreadOut(Schema):
    """A thread."""

    id: UUID
    title: str
    agent: str
    state: str
    head: UUID | None
    origin: UUID | None = Field(None, alias="origin_id")
    origin_seq: int | None
    started_at: datetime
    updated_at: datetime


class ForkIn(Schema):
    """Where to go on from: a message, an event, or both; the end if neither."""

    message: UUID | None = None
    seq: int | None = Field(None, ge=1, lt=10**MOST_DIGITS)


class MessageThenOut(Schema):
    """A message as it read at a moment."""

    id: UUID
    parent: UUID | None = Field(None, alias="parent_id")
    role: str
    content: str
    agent: str
    run: UUID | None = Field(None, alias="run_id")
    seq: int
    created_at: datetime


class MomentOut(Schema):
    """A thread as it stood at one of its events, with the end of its path.

    `older` is given if there are messages before these: ask again with `before`.
    """

    id: UUID
    seq: int
    title: str
    agent: str
    state: str
    head: UUID | None
    messages: list[MessageThenOut]
    older: UUID | None


class ThreadFilters(FilterSchema):
    """Which threads."""

    state: Literal["active", "archived"] | None = None
    agent: str | None = Field(None, max_length=50)
    title: Annotated[
        str | None,
        FilterLookup("title__icontains"),
        Field(max_length=200, description="A part of the title."),
    ] = None
    updated_after: Annotated[AwareDatetime | None, FilterLookup("updated_at__gt")] = None
    updated_before: Annotated[AwareDatetime | None, FilterLookup("updated_at__lt")] = None


class ImportedThreadsOut(Schema):
    """The threads that a file made."""

    threads: list[ThreadOut]


@router.get("/threads", response=list[ThreadOut])
@paginate(CursorPages, order=("-updated_at", "-id"))
def list_threads(
    request: HttpRequest, *, filters: Annotated[ThreadFilters, Query()]
) -> QuerySet[Thread]:
    """Your threads, the last used first."""
    return filters.filter(selectors.threads_of(caller(request)))


@router.post("/threads", response={201: ThreadOut}, auth=CHAT)
def start_thread(
    request: HttpRequest, payload: ThreadIn, *, idempotency_key: IdempotencyKey = None
) -> Status[Thread]:
    """Start a thread. Without an agent, the default agent answers."""
    thread = gateway.start(
        owner=caller(request),
        agent=payload.agent,
        title=payload.title,
        actor=actor(request),
        thread_id=named_by(request, idempotency_key),
    )
    return Status(201, thread)


@router.post("/threads/import", response={201: ImportedThreadsOut}, auth=CHAT, openapi_extra=FILE)
def import_threads(request: HttpRequest) -> Status[dict[str, Any]]:
    """Make threads of a file: one of our exports, or ChatGPT's `conversations.json` or archive."""
    files = load_files(request.body, most_bytes=settings.IMPORT_MAX_BYTES)
    with transaction.atomic():
        made = [
            gateway.import_thread(file, owner=caller(request), actor=actor(request))
            for file in files
        ]
    return Status(201, {"threads": made})


@router.get("/threads/{uuid:thread_id}", response=ThreadOut)
def get_thread(request: HttpRequest, thread_id: UUID) -> Thread:
    """One of your threads."""
    return selectors.thread_for(caller(request), thread_id)


@router.patch("/threads/{uuid:thread_id}", response=ThreadOut, auth=CHAT)
def change_thread(request: HttpRequest, thread_id: UUID, payload: ThreadPatch) -> Thread:
    """Give a thread another title, agent or branch; put it away, or get it back. All or nothing."""
    thread = selectors.thread_for(caller(request), thread_id)
    by = actor(request)
    with transaction.atomic():
        if payload.title is not None and payload.title != thread.title:
            gateway.rename(thread, title=payload.title, actor=by)
        if payload.agent is not None and payload.agent != thread.agent:
            gateway.change_agent(thread, agent=payload.agent, actor=by)
        if payload.head is not None:
            gateway.move_head(thread, message=payload.head, actor=by)
        if payload.state is not None:
            change = gateway.archive if payload.state == "archived" else gateway.restore
            change(thread, actor=by)
    return selectors.thread_for(caller(request), thread_id)


@router.delete("/threads/{uuid:thread_id}", response={204: None}, auth=CHAT)
def delete_thread(request: HttpRequest, thread_id: UUID) -> Status[None]:
    """Delete a thread for good, with everything that was said in it."""
    gateway.delete(selectors.thread_for(caller(request), thread_id), actor=actor(request))
    return Status(204, None)


@router.get("/threads/{uuid:thread_id}/export", response={200: None}, openapi_extra=EXPORT)
def export_thread(
    request: HttpRequest,
    thread_id: UUID,
    *,
    format: Annotated[Literal["json", "markdown"], Query()] = "json",  # noqa: A002
) -> HttpResponse:
    """A thread as a file: JSON that can be imported again, or Markdown to read."""
    thread = selectors.thread_for(caller(request), thread_id)
    return exported(thread, format)


@router.post("/threads/{uuid:thread_id}/fork", response={201: ThreadOut}, auth=CHAT)
def fork_thread(
    request: HttpRequest,
    thread_id: UUID,
    payload: ForkIn,
    *,
    idempotency_key: IdempotencyKey = None,
) -> Status[Thread]:
    """Go on from a place in a thread, in a new one."""
    thread = selectors.thread_for(caller(request), thread_id)
    new = gateway.fork(
        thread,
        message=payload.message,
        seq=payload.seq,
        actor=actor(request),
        thread_id=named_by(request, idempotency_key),
    )
    return Status(201, new)


@router.get("/threads/{uuid:thread_id}/at/{int:seq}", response=MomentOut)
def thread_at(
    request: HttpRequest, thread_id: UUID, seq: Seq, *, before: UUID | None = None
) -> dict[str, Any]:
    """A thread as it stood right after one of its events."""
    moment = timeline.at(selectors.thread_for(caller(request), thread_id), seq)
    messages = timeline.path(moment, before=before)
    return {
        "id": thread_id,
        "seq": seq,
        "title": moment.state.title,
        "agent": moment.state.agent,
        "state": moment.state.state,
        "head": moment.state.head,
        "messages": messages,
        "older": messages[0].id if messages and messages[0].parent_id else None,
    }
