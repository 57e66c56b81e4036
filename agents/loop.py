"""The process's one asyncio loop, for everything that waits on the network.

A turn is plain synchronous code in a thread of its own; what streams lives here, and the
thread waits for the whole result. One loop with a hundred streams costs a third of a hundred
threads with a stream each.
"""

import asyncio
import atexit
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

from agents.cancellation import Cancellation
from agents.errors import Cancelled

Result = TypeVar("Result")

CLOSE_SECONDS = 1.0
THREAD_NAME = "loop"

_closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
_around_waits: list[Callable[[], AbstractContextManager[None]]] = []


def around_waits(give_back: Callable[[], AbstractContextManager[None]]) -> None:
    """Have threads give back what they hold, such as a connection, for as long as they wait."""
    if give_back not in _around_waits:
        _around_waits.append(give_back)


@lru_cache(maxsize=1)
def loop() -> asyncio.AbstractEventLoop:
    """Return the process's loop; it begins to run with the first call."""
    started = _new_loop()

    def run() -> None:
        started.run_forever()
        started.close()

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    atexit.register(close)
    return started


def _new_loop() -> asyncio.AbstractEventLoop:
    """Make a loop: uvloop's, which takes less for each token, where there is one."""
    try:
        import uvloop  # noqa: PLC0415  (not on every system)
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def at_exit(close: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Have something closed, on the loop, when it ends."""
    _closers.append(close)


def close() -> None:
    """Close what was opened on the loop, and end it. The next use begins a new one."""
    if not loop.cache_info().currsize:
        return

    async def close_all() -> None:
        await asyncio.gather(*(each() for each in _closers), return_exceptions=True)

    ending = loop()
    loop.cache_clear()
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(close_all(), ending).result(CLOSE_SECONDS)
    ending.call_soon_threadsafe(ending.stop)
    for thread in threading.enumerate():
        if thread.name == THREAD_NAME:
            thread.join(CLOSE_SECONDS)


def submit(work: Coroutine[Any, Any, Result]) -> "concurrent.futures.Future[Result]":
    """Start a coroutine on the loop."""
    return asyncio.run_coroutine_threadsafe(work, loop())


@contextmanager
def waiting() -> Iterator[None]:
    """Wait for something in the block, with what this thread holds given back."""
    with ExitStack() as given_back:
        for give_back in _around_waits:
            given_back.enter_context(give_back())
        yield


def wait(
    work: Coroutine[Any, Any, Result],
    *,
    cancellation: Cancellation | None = None,
    timeout_seconds: float | None = None,
) -> Result:
    """Run a coroutine on the loop and wait for its result in this thread.

    Raises:
        Cancelled: Somebody pressed stop; the coroutine was cancelled.
        TimeoutError: It took longer than `timeout_seconds`; it was cancelled.
    """
    future = submit(work)
    if cancellation is not None:
        cancellation.on_cancel(future.cancel)
    try:
        with waiting():
            return future.result(timeout_seconds)
    except concurrent.futures.CancelledError:
        raise Cancelled from None
    except TimeoutError:
        future.cancel()
        raise
    finally:
        if cancellation is not None:
            cancellation.forget(future.cancel)
