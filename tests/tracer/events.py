"""An event for tests of the stream itself."""

from typing import ClassVar

from tracer.events import Event


class Noted(Event):
    """Somebody noted something."""

    kind: ClassVar[str] = "test.noted"

    text: str = ""
