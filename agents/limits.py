"""A limit of calls to a model server that all workers share, kept in Redis."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import redis
from typing_extensions import override

from agents.llm.request import Limiter
from agents.shared import connection

# The generic cell rate algorithm: one number a server, the time at which its next call is due. A
# call that comes takes its place in line and is told how long to wait, so that they go in order.
TAKE_PLACE = """
local now = redis.call('TIME')
local us = now[1] * 1000000 + now[2]
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), us - tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f', due + tonumber(ARGV[1])), 'PX', ARGV[3])
return string.format('%.0f', math.max(0, due - us))
"""
BURST_SECONDS = 1.0
FORGOTTEN_MS = 600_000

Untyped = Any  # redis-py types its scripts for both kinds of clients

logger = logging.getLogger(__name__)


def _script() -> Untyped:
    """Return the script, on the running loop's connection."""
    return connection().register_script(TAKE_PLACE)


class RedisLimiter(Limiter):
    """Lets so many calls a minute through, over all processes; all of them if Redis is away."""

    def __init__(self, per_minute: Mapping[str, int]) -> None:
        """Make a limiter.

        Args:
            per_minute: The calls a minute by the prefix of a provider; others are not limited.
        """
        self._per_minute = per_minute

    @override
    async def wait(self, prefix: str) -> None:
        if limit := self._per_minute.get(prefix):
            await asyncio.sleep(await self._place(prefix, 60 / limit))

    async def _place(self, prefix: str, seconds_a_call: float) -> float:
        """Take the next place in a server's line; return after how many seconds it is due."""
        arguments = [int(seconds_a_call * 1e6), int(BURST_SECONDS * 1e6), FORGOTTEN_MS]
        began = time.monotonic()
        try:
            told: bytes = await _script()([f"parley:limit:{prefix}"], arguments)
        except (redis.RedisError, OSError) as error:
            logger.warning("The limit of %s is not kept: %s", prefix, error)
            return 0.0
        return max(0.0, int(told) / 1e6 - (time.monotonic() - began))
