"""What a tool may know of the run that calls it. A value, never a global."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from agents.cancellation import Cancellation
from agents.tools.artifacts import Artifacts, MemoryArtifacts
from agents.tools.tasks import TaskList
from agents.tools.web import Web
from agents.tools.workspace import Workspace
from tracer.events import Event


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _nowhere(_: Event) -> None:
    """Take an event that nobody wants."""


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
        thread: The conversation that the run is in, if it is in one.
        workspace: The files that the agent may use, if there are any.
        web: How it reaches the web.
        tasks: The list of tasks that the agent keeps.
        artifacts: Keeps results that are too long for the model.
        emit: Takes an event into the record of the run, at once; of any thread.
    """

    run: UUID = field(default_factory=uuid4)
    agent: str = ""
    user: str = ""
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    clock: Callable[[], datetime] = _utc_now
    cancellation: Cancellation = field(default_factory=Cancellation)
    thread: UUID | None = None
    workspace: Workspace | None = None
    web: Web = field(default_factory=Web)
    tasks: TaskList = field(default_factory=TaskList)
    artifacts: Artifacts = field(default_factory=MemoryArtifacts)
    emit: Callable[[Event], None] = _nowhere

    @property
    def now(self) -> datetime:
        """The time now, in the person's time zone."""
        return self.clock().astimezone(self.time_zone)

    @property
    def today(self) -> date:
        """The person's date today."""
        return self.now.date()
