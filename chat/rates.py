"""How often a key may come, counted in Redis for all web processes."""

from typing import Any, NamedTuple

import redis
import structlog

from tracer import live

# The generic cell rate algorithm: one number a key, the time up to which its requests are spoken
# for. A minute's worth may come at once; after that, one for each that has run off.
TAKE = """
local now = redis.call('TIME')
local us = now[1] * 1000000 + now[2]
local each, minute = 60000000 / tonumber(ARGV[1]), 60000000
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), us) + each
local over = due - us - minute
if over > 0.5 then
    return {0, 0, math.ceil((due - each - us) / 1000000), math.ceil(over / 1000000)}
end
redis.call('SET', KEYS[1], string.format('%.0f', due), 'PX', 61000)
return {1, math.floor((minute - (due - us)) / each + 0.001), math.ceil((due - us) / 1000000), 0}
"""

Untyped = Any  # redis-py types its scripts for both kinds of clients

logger = structlog.get_logger(__name__)


class Rate(NamedTuple):
    """Where a key stands.

    Attributes:
        allowed: Whether this request may go on.
        limit: The requests a minute.
        remaining: The requests that it could make at once now.
        reset_seconds: When it could make the whole minute's worth again.
        retry_seconds: When the next one is allowed; 0 if this one is.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_seconds: int

    def headers(self) -> dict[str, str]:
        """Return what a response tells of it."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
        }
        return told if self.allowed else told | {"Retry-After": str(self.retry_seconds)}


def take(key: str, per_minute: int) -> Rate:
    """Count a request of a key; all are let through while Redis is away."""
    try:
        script: Untyped = live.connection().register_script(TAKE)
        allowed, remaining, reset, retry = script([f"parley:rate:{key}"], [per_minute])
    except redis.RedisError as error:
        logger.warning("rate_not_kept", error=str(error))
        return Rate(True, per_minute, per_minute, 0, 0)  # noqa: FBT003  (named above)
    return Rate(bool(allowed), per_minute, int(remaining), int(reset), int(retry))
