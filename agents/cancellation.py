"""A stop button that reaches whatever a run is waiting for."""

import threading
from collections.abc import Callable

from agents.errors import Cancelled


class Cancellation:
    """Set once, from any thread; tells those who registered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], object]] = []
        self._handed_over = False

    @property
    def cancelled(self) -> bool:
        """Whether somebody has pressed stop."""
        return self._event.is_set()

    @property
    def handed_over(self) -> bool:
        """Whether the run is to go on elsewhere: the process ends, nobody pressed stop."""
        return self._handed_over

    def hand_over(self) -> None:
        """End the run here, so that it goes on elsewhere."""
        self._handed_over = not self._event.is_set()
        self.cancel()

    def cancel(self) -> None:
        """Press stop: everyone who registered is called once."""
        with self._lock:
            if self._event.is_set():
                return
            self._event.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call back at the stop; at once if it has happened."""
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def forget(self, callback: Callable[[], object]) -> None:
        """Take a callback back."""
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def check(self) -> None:
        """Raise `Cancelled` if somebody has pressed stop."""
        if self._event.is_set():
            raise Cancelled
