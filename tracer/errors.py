"""What can go wrong with a stream.

TracerError
├── ConcurrentAppend   somebody else appended first: read on and decide again
├── ImmutableEvent     an event was to be changed or deleted
└── UnknownKind        an event of a kind that nobody declares
"""


class TracerError(Exception):
    """Base of all errors of the stream."""


class ConcurrentAppend(TracerError):
    """The stream has grown since it was read."""

    def __init__(self, stream: str, *, expected: int, actual: int) -> None:
        super().__init__(f"{stream} was expected to end at {expected}, but it ends at {actual}.")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class ImmutableEvent(TracerError):
    """Events are facts: they are neither changed nor deleted."""

    def __init__(self) -> None:
        super().__init__("Events are never changed or deleted. Append another one instead.")


class UnknownKind(TracerError):
    """No event class declares this kind."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"No event of kind {kind!r} is known.")
