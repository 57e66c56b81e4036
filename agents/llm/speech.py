"""What a model says while it streams: its answer, and what it thinks before, told apart."""

from agents.llm.request import Sink
from agents.text import Cleaner

BEGIN = "<think>"
END = "</think>"


class Speech:
    """Takes a model's pieces as they come, hands them on, and keeps them.

    Some servers send a model's thoughts in fields of their own; others leave them at the
    beginning of the text, between "<think>" and "</think>". Both end up as thoughts.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._said: list[str] = []
        self._thought: list[str] = []
        self._thought_length = 0
        self._saying = Cleaner()
        self._thinking = Cleaner()
        self._marked: _Marked | None = _Marked()

    @property
    def content(self) -> str:
        """What was said."""
        return "".join(self._said)

    @property
    def thoughts(self) -> str:
        """What was thought."""
        return "".join(self._thought)

    def say(self, piece: str) -> None:
        """Take a piece of the text; it goes to the sink at once."""
        text = self._saying.feed(piece)
        if self._marked is not None:
            thought, text = self._marked.feed(text)
            self.think(thought)
            if self._marked.over:
                self._marked = None
        self._say(text)

    def think(self, piece: str) -> None:
        """Take a piece of what is thought; it goes to the sink at once."""
        if text := self._thinking.feed(piece):
            self._sink.think(text, self._thought_length)
            self._thought.append(text)
            self._thought_length += len(text)

    def end(self) -> None:
        """Take note that all was said: what was held back goes out."""
        rest = self._saying.end()
        if self._marked is not None:
            thought, held = self._marked.end()
            self.think(thought)
            rest = held + rest
        self._say(rest)

    def _say(self, text: str) -> None:
        if text:
            self._said.append(text)
            self._sink.add(text)


class _Marked:
    """Looks for thoughts between marks at the beginning of a text that comes in pieces."""

    def __init__(self) -> None:
        self.over = False
        self._held = ""
        self._inside = False
        self._closed = False

    def feed(self, text: str) -> tuple[str, str]:
        """Take a piece; return what is certainly thought, and what is certainly said."""
        self._held += text
        if self._closed:
            return "", self._after()
        if not self._inside:
            begun = self._held.lstrip()
            if not begun.startswith(BEGIN):
                if BEGIN.startswith(begun):
                    return "", ""  # it may yet become the mark
                self.over = True
                return self.end()
            self._inside, self._held = True, begun.removeprefix(BEGIN).lstrip("\n")
        thought, mark, rest = self._held.partition(END)
        if mark:
            self._inside, self._closed, self._held = False, True, rest
            return thought.rstrip("\n"), self._after()
        kept = _overlap(thought, END)
        self._held = thought[len(thought) - kept :]
        return thought[: len(thought) - kept], ""

    def end(self) -> tuple[str, str]:
        """Return what was held back, as thought and said."""
        held, self._held = self._held, ""
        return (held, "") if self._inside else ("", held)

    def _after(self) -> str:
        """Return what is said behind the thoughts, without the blank lines before it."""
        text, self._held = self._held.lstrip(), ""
        self.over = bool(text)
        return text


def _overlap(text: str, mark: str) -> int:
    """Return how many of a text's last characters may be the beginning of a mark."""
    longest = min(len(text), len(mark) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(mark[:size])), 0)
