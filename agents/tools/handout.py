"""Files that an agent sends to the person."""

from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from typing_extensions import override

from agents.messages import Attached


class Handout(Protocol):
    """Takes files for the person."""

    def give(self, name: str, content: bytes) -> Attached:
        """Take a file; return what is said of it.

        Raises:
            ToolError: It can't be sent.
        """


@dataclass(frozen=True, slots=True)
class Given:
    """A file that was sent."""

    told: Attached
    content: bytes


class MemoryHandout(Handout):
    """Keeps what was sent for as long as somebody holds this: for scripts."""

    def __init__(self) -> None:
        self.given: list[Given] = []

    @override
    def give(self, name: str, content: bytes) -> Attached:
        media_type = "application/octet-stream"
        told = Attached(id=uuid4(), name=name, media_type=media_type, size=len(content))
        self.given.append(Given(told, content))
        return told
