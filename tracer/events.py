"""Facts, and facts with their place in a stream.

An `Event` is what happened, a `Recorded` is the same with its stream, its number and its time.
One class per kind; fields that a class doesn't know are refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from tracer.errors import UnknownKind

PURGED = {"purged": True}

_classes: dict[str, type["Event"]] = {}


class Event(BaseModel):
    """A fact. Subclasses name their `kind` and their fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str] = ""

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not cls.kind:
            return  # a base for other kinds
        if cls.kind in _classes:
            msg = f"{cls.__name__} claims the kind {cls.kind!r} of {_classes[cls.kind].__name__}."
            raise TypeError(msg)
        _classes[cls.kind] = cls

    def payload(self) -> dict[str, Any]:
        """Return the event's fields as JSON values, the way they are stored and sent."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event and its place in a stream.

    Attributes:
        id: Unique over all streams. No reading position: read by `stream` and `seq`.
        stream: The stream's name, such as "thread:<uuid>".
        seq: 1, 2, 3 … without gaps in each stream.
        event: The fact.
        correlation_id: The run, or the conversation of events, that it belongs to.
        causation_id: The event that led to it.
        actor: Who did it: "user:1", "agent:demo", "system" …
        duration_ms: How long the thing took that has ended with this event.
        at: When it was recorded, in UTC.
    """

    id: UUID
    stream: str
    seq: int
    event: Event
    correlation_id: UUID | None
    causation_id: UUID | None
    actor: str
    duration_ms: int | None
    at: datetime

    @property
    def kind(self) -> str:
        """The event's kind, such as "message.added"."""
        return self.event.was if isinstance(self.event, Purged) else self.event.kind

    def pack(self) -> list[Any]:
        """Write everything but the stream's name as JSON values."""
        return [
            str(self.id),
            self.seq,
            self.kind,
            str(self.correlation_id) if self.correlation_id else None,
            str(self.causation_id) if self.causation_id else None,
            self.actor,
            self.duration_ms,
            self.at.isoformat(),
            self.event.payload(),
        ]

    @classmethod
    def unpack(cls, stream: str, packed: Sequence[Any]) -> "Recorded":
        """Read what `pack` wrote."""
        identity, seq, kind, correlation_id, causation_id, actor, duration_ms, at, data = packed
        return cls(
            id=UUID(identity),
            stream=stream,
            seq=seq,
            event=load(kind, data),
            correlation_id=UUID(correlation_id) if correlation_id else None,
            causation_id=UUID(causation_id) if causation_id else None,
            actor=actor,
            duration_ms=duration_ms,
            at=datetime.fromisoformat(at),
        )


class Purged(Event):
    """An event whose fields were deleted for good. That it was, and where, stays."""

    was: str

    @override
    def payload(self) -> dict[str, Any]:
        return dict(PURGED)


def load(kind: str, data: Mapping[str, Any]) -> Event:
    """Make the event of a stored kind and its data.

    Raises:
        UnknownKind: No class declares this kind.
        pydantic.ValidationError: The data doesn't fit the class.
    """
    if data == PURGED:
        return Purged(was=kind)
    try:
        event_class = _classes[kind]
    except KeyError:
        raise UnknownKind(kind) from None
    return event_class.model_validate(data)


def kinds() -> tuple[str, ...]:
    """Return every declared kind, sorted."""
    return tuple(sorted(_classes))
