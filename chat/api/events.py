"""`/events`: what has happened, over all of a person's threads."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from ninja.pagination import paginate
from pydantic import AwareDatetime

from agents.paging import CursorPages
from chat import selectors
from chat.api.access import caller
from tracer import queries
from tracer.models import TraceEvent

router = Router(tags=["events"])


class TracedOut(Schema):
    """An event, with where it stands."""

    id: UUID
    stream: str
    seq: int
    kind: str
    at: datetime
    correlation_id: UUID | None
    causation_id: UUID | None
    actor: str
    duration_ms: int | None
    data: dict[str, Any]


class EventFilters(Schema):
    """Which events."""

    stream: str | None = Field(None, max_length=200, examples=["thread:<id>"])
    kind: list[str] = Field([], max_length=50, description="One kind, or several.")
    correlation_id: UUID | None = Field(None, description="A run.")
    agent: str | None = Field(None, max_length=50, description="Who did it: a slug.")
    since: AwareDatetime | None = Field(None, alias="from")
    until: AwareDatetime | None = Field(None, alias="to")


@router.get("/events", response=list[TracedOut])
@paginate(CursorPages, order=("-at", "-stream", "-seq"))
def list_all_events(
    request: HttpRequest, *, filters: Annotated[EventFilters, Query()]
) -> QuerySet[TraceEvent]:
    """What has happened in your threads and topics, the newest first."""
    wanted = queries.Wanted(
        stream=filters.stream,
        kinds=filters.kind,
        correlation_id=filters.correlation_id,
        agent=filters.agent,
        since=filters.since,
        until=filters.until,
    )
    return queries.events(wanted, visible=selectors.streams_of(caller(request)))
