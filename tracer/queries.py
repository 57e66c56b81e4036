"""Events looked up over all streams, for those who ask what happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from tracer.models import TraceEvent


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. What is left out does not matter.

    Attributes:
        stream: A stream's name.
        kinds: Some kinds.
        correlation_id: A run, or a conversation of events.
        agent: The slug of who did it, or whom it is about.
        since: The first moment.
        until: The first moment that is too late.
    """

    stream: str | None = None
    kinds: Sequence[str] = ()
    correlation_id: UUID | None = None
    agent: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def events(wanted: Wanted, *, visible: Q) -> QuerySet[TraceEvent]:
    """Return events, in no order yet.

    Args:
        wanted: Which ones.
        visible: Which streams may be seen at all.
    """
    found = TraceEvent.objects.filter(visible)
    if wanted.agent is not None:
        about = Q(data__agent=wanted.agent) | Q(actor=f"agent:{wanted.agent}")
        found = found.filter(about)
    if wanted.kinds:
        found = found.filter(kind__in=wanted.kinds)
    plain = {
        "stream": wanted.stream,
        "correlation_id": wanted.correlation_id,
        "at__gte": wanted.since,
        "at__lt": wanted.until,
    }
    return found.filter(**{name: value for name, value in plain.items() if value is not None})
