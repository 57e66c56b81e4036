"""A generation in a thread of its own, for those who read its text as it comes."""

import threading
from collections.abc import Callable
from typing import Self

from typing_extensions import override

from agents.cancellation import Cancellation
from agents.errors import AgentError, LLMError
from agents.llm.request import Sink, TextSink


class Background(Sink):
    """Runs a generation, and hands its text on. A context manager: leaving it early stops it."""

    def __init__(
        self,
        work: Callable[[Sink], object],
        *,
        cancellation: Cancellation,
        put: Callable[[str | None], None],
    ) -> None:
        """Make one.

        Args:
            work: Generates, into the sink that it is given.
            cancellation: Ends the work.
            put: Takes each piece of text, from the work's thread, and None at the end.
        """
        self._work = work
        self._cancellation = cancellation
        self._put = put
        self._taken = TextSink()
        self._error: AgentError | None = None
        self._thread = threading.Thread(target=self._run, name="generation", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._cancellation.cancel()

    def check(self) -> None:
        """Raise what the work has ended with, if it is an error."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work(self)
        except AgentError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001  (it is raised where the text is read)
            self._error = LLMError(f"Something went wrong: {error!r}", code="internal")
        finally:
            self._put(None)

    @override
    def add(self, text: str) -> None:
        self._taken.add(text)
        self._put(text)

    @override
    def think(self, text: str, offset: int) -> None:
        self._taken.think(text, offset)

    @property
    @override
    def length(self) -> int:
        return self._taken.length

    @property
    @override
    def text(self) -> str:
        return self._taken.text
