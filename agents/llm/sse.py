"""Server-sent events, split from the bytes of a response.

Source: the event stream format of the HTML standard, as far as model servers use it.
"""

MAX_LINE_BYTES = 4_000_000


class LineTooLong(ValueError):
    """A line without an end: no event stream."""


class EventSplitter:
    """Cuts bytes, in whatever pieces they come, into the data of events."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next bytes; return the data of the events they complete.

        Raises:
            LineTooLong: A line has passed 4 MB without an end.
        """
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > MAX_LINE_BYTES:
            raise LineTooLong
        complete: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif self._data and line in {b"", b"\r"}:
                complete.append(b"\n".join(self._data))
                self._data.clear()
        return complete

    def end(self) -> list[bytes]:
        """Return what stood in the last event when the stream ended without a blank line."""
        complete = self.feed(b"\n\n")
        self._rest = b""
        return complete
