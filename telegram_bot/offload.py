"""The database, from the loop: in a thread, with a connection that is given back."""

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from channels.db import database_sync_to_async

Given = ParamSpec("Given")
Result = TypeVar("Result")


def in_thread(
    function: Callable[Given, Result],
) -> Callable[Given, Coroutine[Any, Any, Result]]:
    """Return a function that can be awaited, from one that asks the database."""
    made: Any = database_sync_to_async(function, thread_sensitive=False)

    async def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        result: Result = await made(*args, **kwargs)
        return result

    return call
