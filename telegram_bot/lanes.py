"""Work that keeps its order per key, while different keys go on beside each other."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Lanes(Generic[Key]):
    """Sees to keys, each by one task at a time."""

    def __init__(self, work: Callable[[Key], Awaitable[None]]) -> None:
        """Make lanes.

        Args:
            work: Sees to all there is of a key. It is called again if something came meanwhile.
        """
        self._work = work
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._again: set[Key] = set()

    def see_to(self, keys: Iterable[Key]) -> None:
        """Have these keys seen to, at once or after what is under way."""
        for key in keys:
            task = self._tasks.get(key)
            if task is not None and not task.done():
                self._again.add(key)
                continue
            self._tasks[key] = asyncio.create_task(self._go(key))

    def failure(self) -> BaseException | None:
        """Return what a task has ended with, if it should not have; forget those that are done."""
        for key, task in list(self._tasks.items()):
            if task.done():
                del self._tasks[key]
                if not task.cancelled() and (error := task.exception()):
                    return error
        return None

    async def close(self) -> None:
        """End all tasks."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    async def _go(self, key: Key) -> None:
        while True:
            self._again.discard(key)
            await self._work(key)
            if key not in self._again:
                return
