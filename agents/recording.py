"""Where the runner writes down what it does."""

from typing import Protocol

from typing_extensions import override

from tracer.events import Event


class Recorder(Protocol):
    """Takes events as they happen, from the thread that runs the agent."""

    def record(self, event: Event, *, duration_ms: int | None = None) -> None:
        """Write one event down."""


class MemoryRecorder(Recorder):
    """Keeps events in a list: for scripts and tests."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @override
    def record(self, event: Event, *, duration_ms: int | None = None) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        """The kinds of what was recorded, in order."""
        return [event.kind for event in self.events]
