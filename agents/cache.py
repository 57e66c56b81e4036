"""Answers of models, kept in Redis for all workers."""

import logging
from typing import Any

import redis
from pydantic import ValidationError
from typing_extensions import override

from agents.llm.cache import Cache
from agents.messages import Reply
from agents.shared import connection

PREFIX = "parley:reply:"

Untyped = Any  # redis-py types its answers too widely

logger = logging.getLogger(__name__)


class RedisCache(Cache):
    """Keeps replies for a while. If Redis is away there are none."""

    def __init__(self, seconds: int) -> None:
        """Make a cache.

        Args:
            seconds: How long to keep each reply.
        """
        self._seconds = seconds

    @override
    async def get(self, key: str) -> Reply | None:
        try:
            held: Untyped = await connection().get(PREFIX + key)
            return None if held is None else Reply.model_validate_json(held)
        except ValidationError:
            return None  # another version of Parley kept it
        except (redis.RedisError, OSError) as error:
            logger.warning("The cache of answers can't be read: %s", error)
            return None

    @override
    async def put(self, key: str, reply: Reply) -> None:
        try:
            await connection().set(PREFIX + key, reply.model_dump_json(), ex=self._seconds)
        except (redis.RedisError, OSError) as error:
            logger.warning("An answer can't be cached: %s", error)
