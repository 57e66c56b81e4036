"""Whether a worker still hears: one that lives, and is given no tasks any more, is replaced.

A connection to the broker can die, or stop being read, without anybody's noticing: the process is
there, sees to its runs, and takes no new ones. What tells is the database: runs that wait, though
this worker has room for them.
"""

PATIENCE_SECONDS = 10.0


class Hearing:
    """Notices that a worker takes nothing although something waits."""

    def __init__(self) -> None:
        self._since: float | None = None

    def heard(self) -> None:
        """Take note that a task has come, or that nobody knows whether one could have."""
        self._since = None

    def is_deaf(self, *, waiting: int, full: bool, now: float) -> bool:
        """Look, and tell whether the worker has heard nothing for too long.

        Args:
            waiting: How many threads have a run that nobody sees to, and were sent a task.
            full: Whether the worker has as many tasks as it takes.
            now: The time, in seconds.
        """
        if full or not waiting:
            self._since = None
        elif self._since is None:
            self._since = now
        return self._since is not None and now - self._since >= PATIENCE_SECONDS
