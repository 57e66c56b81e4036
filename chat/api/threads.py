"""`/threads`: list, start, look at one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Router, Schema, Status
from ninja.pagination import paginate

from chat import gateway, selectors, timeline
from chat.api.access import actor, caller
from chat.models import Thread

router = Router(tags=["threads"])


class ThreadIn(Schema):
    """A thread to start."""

    agent: str | None = None
    title: str = ""


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
    seq: int | None = None


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


@router.get("/threads", response=list[ThreadOut])
@paginate
def list_threads(request: HttpRequest) -> QuerySet[Thread]:
    """Your threads, the last used first."""
    return selectors.threads_of(caller(request))


@router.post("/threads", response={201: ThreadOut})
def start_thread(request: HttpRequest, payload: ThreadIn) -> Status[Thread]:
    """Start a thread. Without an agent, the default agent answers."""
    thread = gateway.start(
        owner=caller(request), agent=payload.agent, title=payload.title, actor=actor(request)
    )
    return Status(201, thread)


@router.get("/threads/{uuid:thread_id}", response=ThreadOut)
def get_thread(request: HttpRequest, thread_id: UUID) -> Thread:
    """One of your threads."""
    return selectors.thread_for(caller(request), thread_id)


@router.post("/threads/{uuid:thread_id}/fork", response={201: ThreadOut})
def fork_thread(request: HttpRequest, thread_id: UUID, payload: ForkIn) -> Status[Thread]:
    """Go on from a place in a thread, in a new one."""
    thread = selectors.thread_for(caller(request), thread_id)
    new = gateway.fork(thread, message=payload.message, seq=payload.seq, actor=actor(request))
    return Status(201, new)


@router.get("/threads/{uuid:thread_id}/at/{int:seq}", response=MomentOut)
def thread_at(
    request: HttpRequest, thread_id: UUID, seq: int, *, before: UUID | None = None
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
