"""The door of the stream: append and read. Second stop of the main road.

Whoever appends decides something; who may is listed in the contract "one-door".
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import wraps
from itertools import repeat, zip_longest
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from tracer import followers, immutability
from tracer.errors import ConcurrentAppend
from tracer.events import Event, Recorded, load
from tracer.models import Stream, TraceEvent

_BATCH = 500
_PURGE = {
    "sqlite": "UPDATE tracer_traceevent SET data = %s WHERE stream = %s AND seq < %s",
    "postgresql": (
        "UPDATE tracer_traceevent SET data = CAST(%s AS jsonb) WHERE stream = %s AND seq < %s"
    ),
}
_TAKE = """
    INSERT INTO tracer_stream (name, last_seq) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET last_seq = tracer_stream.last_seq + %s
    RETURNING last_seq
"""


def append(
    stream: str,
    *events: Event,
    expected_seq: int | None = None,
    actor: str = "",
    correlation_id: UUID | Sequence[UUID | None] | None = None,
    causation_id: UUID | None = None,
    durations_ms: Sequence[int | None] = (),
    first_id: UUID | None = None,
) -> list[Recorded]:
    """Append events to a stream, in one transaction with the rows projected from them.

    Args:
        stream: The stream's name; it begins with its first event.
        events: The facts, in order.
        expected_seq: The last seq the caller has read, if it decided by it.
        actor: Who did it.
        correlation_id: The run that the events belong to; or, one by one, those of each.
        causation_id: The event that led to them.
        durations_ms: How long what ended with each event took, in the events' order.
        first_id: The first event's id, for a caller that may have to ask whether it has landed.

    Raises:
        ConcurrentAppend: The stream doesn't end at `expected_seq` any more.
    """
    if not events:
        return []
    with transaction.atomic():
        first = _take_numbers(stream, len(events))
        if expected_seq is not None and expected_seq != first - 1:
            raise ConcurrentAppend(stream, expected=expected_seq, actual=first - 1)
        now = timezone.now()
        correlated: Iterable[UUID | None]
        if correlation_id is None or isinstance(correlation_id, UUID):
            correlated = repeat(correlation_id, len(events))
        else:
            correlated = correlation_id
        numbers = range(first, first + len(events))
        numbered = zip_longest(numbers, events, durations_ms, correlated)
        entries = [
            Recorded(
                id=first_id if first_id and seq == first else uuid4(),
                stream=stream,
                seq=seq,
                event=event,
                correlation_id=correlated_with,
                causation_id=causation_id,
                actor=actor,
                duration_ms=duration_ms,
                at=now,
            )
            for seq, event, duration_ms, correlated_with in numbered
        ]
        TraceEvent.objects.bulk_create(_row(entry) for entry in entries)
        for project in followers.projectors():
            project(entries)
        for react in followers.reactors():
            transaction.on_commit(_calling(react, entries), robust=True)
    return entries


def recorded(event_id: UUID) -> bool:
    """Tell whether an event of this id has landed."""
    return TraceEvent.objects.filter(id=event_id).exists()


def lock(stream: str) -> int:
    """Hold the stream until the surrounding transaction ends; return its last seq.

    A caller that decides by the stream's state locks it first and appends in the same
    transaction.
    """
    return _take_numbers(stream, 0) - 1


def _calling(react: followers.Follower, recorded: Sequence[Recorded]) -> Callable[[], None]:
    @wraps(react)  # Django names it when it fails
    def call() -> None:
        react(recorded)

    return call


def _take_numbers(stream: str, count: int) -> int:
    """Take the next numbers of a stream, whose row is locked by that; return the first."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [stream, count, count])
        return int(cursor.fetchone()[0]) - count + 1


def read(
    stream: str, after: int = 0, *, until: int | None = None, kinds: Sequence[str] = ()
) -> Iterator[Recorded]:
    """Read a stream's events in order.

    Args:
        stream: The stream's name.
        after: The seq to begin behind; 0 for all.
        until: The last seq to give, if not the stream's last.
        kinds: Only these kinds, if any are named.
    """
    rows = TraceEvent.objects.filter(stream=stream, seq__gt=after).order_by("seq")
    if until is not None:
        rows = rows.filter(seq__lte=until)
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return map(_recorded, rows.iterator(chunk_size=_BATCH))


def purge(stream: str, *, before: int) -> int:
    """Delete the fields of a stream's events for good; each keeps its place, kind and time.

    Args:
        stream: The stream's name.
        before: The seq of the first event that stays as it is: the one that tells of this.

    Returns:
        How many events were emptied.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PURGE[connection.vendor], [immutability.PURGED, stream, before])
        return int(cursor.rowcount)


def read_correlated(
    correlation_ids: Collection[UUID], *, kinds: Sequence[str] = ()
) -> Iterator[Recorded]:
    """Read all events of some runs, or conversations of events, each in its order.

    Args:
        correlation_ids: Of what to read.
        kinds: Only these kinds, if any are named.
    """
    rows = TraceEvent.objects.filter(correlation_id__in=correlation_ids).order_by("stream", "seq")
    if kinds:
        rows = rows.filter(kind__in=kinds)
    return map(_recorded, rows.iterator(chunk_size=_BATCH))


def mentioned(text: str, *, kinds: Sequence[str]) -> bool:
    """Tell whether any event of these kinds has a text in its fields. Reads all of them."""
    return TraceEvent.objects.filter(kind__in=kinds, data__icontains=text).exists()


def last_seq(stream: str) -> int:
    """Return the seq of the stream's last event; 0 before the first."""
    found = Stream.objects.filter(name=stream).first()
    return found.last_seq if found else 0


def streams(prefix: str) -> Iterator[str]:
    """Return the names of all streams that begin with `prefix`, sorted."""
    names = Stream.objects.filter(name__startswith=prefix).order_by("name")
    return names.values_list("name", flat=True).iterator(chunk_size=_BATCH)


def _row(entry: Recorded) -> TraceEvent:
    return TraceEvent(
        id=entry.id,
        stream=entry.stream,
        seq=entry.seq,
        kind=entry.kind,
        correlation_id=entry.correlation_id,
        causation_id=entry.causation_id,
        actor=entry.actor,
        data=entry.event.payload(),
        duration_ms=entry.duration_ms,
        at=entry.at,
    )


def _recorded(row: TraceEvent) -> Recorded:
    return Recorded(
        id=row.id,
        stream=row.stream,
        seq=row.seq,
        event=load(row.kind, row.data),
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        actor=row.actor,
        duration_ms=row.duration_ms,
        at=row.at,
    )
