"""`/threads`: list, start, look at one."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.pagination import paginate

from chat import gateway, selectors
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
    started_at: datetime
    updated_at: datetime


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
