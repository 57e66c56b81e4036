"""What an event changes about a thread as a whole. Rows and time travel both go by it."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chat.events import (
    MessageAdded,
    ThreadAgentChanged,
    ThreadArchived,
    ThreadForked,
    ThreadHeadMoved,
    ThreadRenamed,
    ThreadRestored,
    ThreadStarted,
)
from tracer.events import Event


@dataclass(frozen=True, slots=True)
class ThreadState:
    """A thread as a whole at one moment. `head` is the message that the next one follows."""

    title: str = ""
    agent: str = ""
    state: str = "active"
    head: UUID | None = None

    def after(self, changed: dict[str, Any]) -> "ThreadState":
        """Return the state with some fields changed."""
        return replace(self, **changed) if changed else self


_FIELDS: dict[type[Event], tuple[str, ...]] = {
    ThreadStarted: ("title", "agent"),
    ThreadForked: ("title", "agent", "head"),
    ThreadRenamed: ("title",),
    ThreadAgentChanged: ("agent",),
    ThreadHeadMoved: ("head",),
}
_STATES: dict[type[Event], str] = {ThreadArchived: "archived", ThreadRestored: "active"}


def changes(event: Event, *, head: UUID | None) -> dict[str, Any]:
    """Return the fields of a thread that an event sets.

    A person's message is where the conversation goes on. An answer is, too, if the head is still
    the message that it answers: while it was on its way the conversation may have gone on behind
    it, or on another branch.
    """
    if isinstance(event, MessageAdded):
        moves = event.role == "user" or event.parent == head
        return {"head": event.message} if moves else {}
    if state := _STATES.get(type(event)):
        return {"state": state}
    return {name: getattr(event, name) for name in _FIELDS.get(type(event), ())}
