"""Answers that were given before, given again: for those who want that. Off unless asked for."""

import hashlib
import json
import time
from collections import OrderedDict
from typing import Protocol

from pydantic_core import to_jsonable_python
from typing_extensions import override

from agents.llm.request import Request, Sink
from agents.messages import Reply, Usage

PIECE = 200  # characters


class Cache(Protocol):
    """Keeps replies by what was asked."""

    async def get(self, key: str) -> Reply | None:
        """Return what is kept, if it still is."""

    async def put(self, key: str, reply: Reply) -> None:
        """Keep a reply."""


class MemoryCache(Cache):
    """Keeps the replies used last, in this process."""

    def __init__(self, *, most: int = 1_000, seconds: float = 3_600) -> None:
        """Make a cache.

        Args:
            most: How many replies to keep.
            seconds: How long to keep each.
        """
        self._most = most
        self._seconds = seconds
        self._kept: OrderedDict[str, tuple[float, Reply]] = OrderedDict()

    @override
    async def get(self, key: str) -> Reply | None:
        until, reply = self._kept.get(key, (0.0, None))
        if reply is None or until < time.monotonic():
            self._kept.pop(key, None)
            return None
        self._kept.move_to_end(key)
        return reply

    @override
    async def put(self, key: str, reply: Reply) -> None:
        self._kept[key] = (time.monotonic() + self._seconds, reply)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


def key_of(model: str, request: Request) -> str:
    """Return what tells a call from every other one.

    Args:
        model: The model, with its provider's prefix.
        request: The call.
    """
    said = {
        "model": model,
        "turns": [turn.model_dump() for turn in request.turns],
        "tools": [[tool.name, tool.description, tool.parameters] for tool in request.tools],
        "config": request.config.model_dump(),
    }
    written = json.dumps(to_jsonable_python(said), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def again(reply: Reply, sink: Sink) -> Reply:
    """Give a kept reply: its text goes to the sink, and it costs nothing."""
    for start in range(0, len(reply.thinking), PIECE):
        sink.think(reply.thinking[start : start + PIECE], start)
    for start in range(0, len(reply.content), PIECE):
        sink.add(reply.content[start : start + PIECE])
    return reply.model_copy(update={"usage": Usage(), "cached": True})
