"""What a tool may know of the run that calls it. A value, never a global."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from pydantic import JsonValue

from agents.cancellation import Cancellation
from agents.tools.artifacts import Artifacts, MemoryArtifacts
from agents.tools.handout import Handout, MemoryHandout
from agents.tools.memory import Memory, ScriptMemory
from agents.tools.tasks import TaskList
from agents.tools.web import Web
from agents.tools.workspace import Workspace
from tracer.events import Event


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Emit(Protocol):
    """Takes an event into the record of a run."""

    def __call__(self, event: Event, *, duration_ms: int | None = None) -> None:
        """Take an event, and how long it took."""


def _nowhere(event: Event, *, duration_ms: int | None = None) -> None:
    """Take an event that nobody wants."""


class Count:
    """A number that many threads count up."""

    def __init__(self) -> None:
        self._taken = 0
        self._lock = threading.Lock()

    def take(self, most: int) -> bool:
        """Count one up; return whether there was one left."""
        with self._lock:
            if self._taken >= most:
                return False
            self._taken += 1
            return True


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
        memory: What the agent keeps of the person.
        artifacts: Keeps results that are too long for the model.
        handout: Takes files for the person.
        ask: Asks the person right here, as a script does (`input`); without it the run ends, and
            goes on with the answer.
        allow: Decides right here whether a call may be made, by its tool's name and arguments.
        callers: The agents that wait for this one's answer, the first one first.
        delegations: How often agents have asked each other in this run.
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
    memory: Memory = field(default_factory=ScriptMemory)
    artifacts: Artifacts = field(default_factory=MemoryArtifacts)
    handout: Handout = field(default_factory=MemoryHandout)
    ask: Callable[[str], str] | None = None
    allow: Callable[[str, dict[str, JsonValue]], bool] | None = None
    callers: tuple[str, ...] = ()
    delegations: Count = field(default_factory=Count)
    emit: Emit = _nowhere

    @property
    def now(self) -> datetime:
        """The time now, in the person's time zone."""
        return self.clock().astimezone(self.time_zone)

    @property
    def today(self) -> date:
        """The person's date today."""
        return self.now.date()
