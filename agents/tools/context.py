"""What a tool may know of the run that calls it. A value, never a global."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from agents.cancellation import Cancellation


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The run around a tool's call; a tool's first parameter, if it wants it.

    Attributes:
        run: The run's id; it is the correlation id of all its events.
        agent: The slug of the agent that calls.
        user: Who the agent works for.
        time_zone: The person's time zone.
        clock: Gives the time now, in UTC.
        cancellation: Set when somebody presses stop; a long tool looks at it.
    """

    run: UUID = field(default_factory=uuid4)
    agent: str = ""
    user: str = ""
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    clock: Callable[[], datetime] = _utc_now
    cancellation: Cancellation = field(default_factory=Cancellation)

    @property
    def now(self) -> datetime:
        """The time now, in the person's time zone."""
        return self.clock().astimezone(self.time_zone)

    @property
    def today(self) -> date:
        """The person's date today."""
        return self.now.date()
