"""The loop's Redis connection, for what the workers share about models."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from agents.loop import at_exit
from tracer import live

Untyped = Any  # redis-py types its client for both kinds of callers

_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, Untyped]" = WeakKeyDictionary()


def connection() -> Untyped:
    """Return the running loop's client; it is closed with the loop."""
    running = asyncio.get_running_loop()
    if running not in _clients:
        _clients[running] = live.async_connection()
    return _clients[running]


async def _close() -> None:
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()


at_exit(_close)
