"""A list of tasks that an agent keeps for itself while it works on something larger."""

import threading
from collections.abc import Callable, Iterable
from typing import Literal

from agents.errors import ToolError
from agents.messages import Task

MOST_TASKS = 200
MOST_CHARACTERS = 500


class TaskList:
    """Tasks in an order, each pending, then in progress, then completed. Safe to share."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        """Begin a list.

        Args:
            tasks: What is on it already.
        """
        self._tasks = list(tasks)
        self._next = max((task.id for task in self._tasks), default=0) + 1
        self._lock = threading.RLock()

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks, in order."""
        with self._lock:
            return tuple(self._tasks)

    def append(self, description: str) -> Task:
        """Add a task at the end."""
        return self._add(description, lambda: len(self._tasks))

    def prepend(self, description: str) -> Task:
        """Add a task at the beginning."""
        return self._add(description, lambda: 0)

    def insert_after(self, identity: int, description: str) -> Task:
        """Add a task behind another one.

        Raises:
            ToolError: There is no such task.
        """
        return self._add(description, lambda: self._place(identity) + 1)

    def start(self, identity: int) -> Task:
        """Begin a pending task.

        Raises:
            ToolError: There is no such task, or it is not pending.
        """
        return self._move(identity, before="pending", after="in_progress")

    def complete(self, identity: int) -> Task:
        """Finish a task that is in progress.

        Raises:
            ToolError: There is no such task, or it is not in progress.
        """
        return self._move(identity, before="in_progress", after="completed")

    def clear(self) -> int:
        """Take all tasks away; return how many there were."""
        with self._lock:
            count = len(self._tasks)
            self._tasks.clear()
            return count

    def _add(self, description: str, place: Callable[[], int]) -> Task:
        text = " ".join(description.split())
        if not text or len(text) > MOST_CHARACTERS:
            msg = f"A task is described in 1 to {MOST_CHARACTERS} characters, not {len(text)}."
            raise ToolError(msg)
        with self._lock:
            if len(self._tasks) >= MOST_TASKS:
                msg = f"The list has {MOST_TASKS} tasks, which is all it takes."
                raise ToolError(msg)
            task = Task(id=self._next, description=text)
            self._tasks.insert(place(), task)
            self._next += 1
            return task

    def _move(
        self,
        identity: int,
        *,
        before: Literal["pending", "in_progress"],
        after: Literal["in_progress", "completed"],
    ) -> Task:
        with self._lock:
            place = self._place(identity)
            task = self._tasks[place]
            if task.status != before:
                msg = (
                    f"Task {identity} is {_plain(task.status)}; only one that is "
                    f"{_plain(before)} becomes {_plain(after)}."
                )
                raise ToolError(msg)
            self._tasks[place] = task.model_copy(update={"status": after})
            return self._tasks[place]

    def _place(self, identity: int) -> int:
        for place, task in enumerate(self._tasks):
            if task.id == identity:
                return place
        known = ", ".join(str(task.id) for task in self._tasks) or "none"
        msg = f"There is no task {identity}. There are: {known}."
        raise ToolError(msg)


def _plain(status: str) -> str:
    return status.replace("_", " ")
