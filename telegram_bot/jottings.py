"""What Telegram has just taken, jotted down in Redis until it is noted in the database.

The database may be busy for a while; Redis takes it at once. A process that dies in between leaves
the jotting to the next one, which then need not send the message again.
"""

from contextlib import suppress
from typing import Any

import redis

from telegram_bot.models import Chat
from tracer import live

KEPT_SECONDS = 24 * 3600

Untyped = Any  # redis-py types its commands for both kinds of clients


async def jot(chat: Chat, key: str, part: int, *, telegram_id: int) -> None:
    """Jot down the id that a part of a letter has got."""
    with suppress(redis.RedisError, OSError):
        await live.hub().redis.set(_name(chat, key, part), telegram_id, ex=KEPT_SECONDS)


async def jotted(chat: Chat, key: str, part: int) -> int | None:
    """Return the id that a part of a letter has got, if that was only jotted down."""
    with suppress(redis.RedisError, OSError):
        held: Untyped = await live.hub().redis.get(_name(chat, key, part))
        return int(held) if held is not None else None
    return None


async def strike(chat: Chat, key: str, part: int) -> None:
    """Strike a jotting out: it is noted for good."""
    with suppress(redis.RedisError, OSError):
        await live.hub().redis.delete(_name(chat, key, part))


def _name(chat: Chat, key: str, part: int) -> str:
    return f"parley:telegram:sent:{chat.pk}:{key}:{part}"
