"""The database, from the loop: in a thread, with a connection that is given back."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async

Given = ParamSpec("Given")
Result = TypeVar("Result")

AT_ONCE = 2  # more would only wait for each other's locks

_turns: "WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]" = WeakKeyDictionary()


def in_thread(
    function: Callable[Given, Result],
) -> Callable[Given, Coroutine[Any, Any, Result]]:
    """Return a function that can be awaited, from one that asks the database."""
    made: Any = database_sync_to_async(function, thread_sensitive=False)

    async def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        running = asyncio.get_running_loop()
        async with _turns.setdefault(running, asyncio.Semaphore(AT_ONCE)):
            result: Result = await made(*args, **kwargs)
        return result

    return call
