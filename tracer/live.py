"""The live bus: deltas of growing answers, thoughts before them, and hints that a stream has grown.

One Redis Stream carries both, in order. Each web process has one reader, which fans out to the
subscriptions of its sockets. Nothing on the bus is a fact: a subscription that lost something
is told so (`Batch.resync`) and reads the stream and the snapshot again.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import redis
import structlog
from django.conf import settings
from redis import asyncio as aioredis

from tracer.events import Recorded

BUS = "parley:live"
BUS_LENGTH = 5_000
BLOCK_MS = 2_000
RECONNECT_SECONDS = 0.25
READY_SECONDS = 2.0
MAX_HINT_CHARACTERS = 16_000
MAX_PENDING_ITEMS = 2_000
MAX_PENDING_CHARACTERS = 500_000

Untyped = Any  # redis-py types its answers too widely

logger = structlog.get_logger(__name__)


class Delta(NamedTuple):
    """A piece of a growing answer. `offset` counts the characters (code points) before it."""

    stream: str
    run: str
    attempt: int
    message: str
    offset: int
    text: str


class Thought(NamedTuple):
    """A piece of what a model thinks before it answers; `offset` counts within that call."""

    stream: str
    run: str
    attempt: int
    message: str
    offset: int
    text: str


class Grown(NamedTuple):
    """A hint: the stream has grown to this seq, by these events if they are small."""

    stream: str
    seq: int
    packed: list[list[Any]]

    @property
    def events(self) -> list[Recorded]:
        """The events, as they stand in the stream; none if they were too large to send."""
        return [Recorded.unpack(self.stream, each) for each in self.packed]


Item = Delta | Thought | Grown


class Batch(NamedTuple):
    """What a subscription has collected. With `resync` something is missing before it."""

    items: list[Item]
    resync: bool


def encode(
    deltas: Iterable[Delta] = (), grown: Iterable[Grown] = (), thoughts: Iterable[Thought] = ()
) -> str:
    """Write one entry of the bus."""
    content: dict[str, list[Any]] = {"d": list(deltas), "g": list(grown)}
    if thought := list(thoughts):
        content["t"] = thought
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def decode(entry: bytes | str) -> list[Item]:
    """Read one entry of the bus: thoughts, deltas, then hints."""
    content = json.loads(entry)
    return [
        *(Thought(*each) for each in content.get("t", ())),
        *(Delta(*each) for each in content["d"]),
        *(Grown(*each) for each in content["g"]),
    ]


def snapshot_key(run: str, attempt: int) -> str:
    """Return the key that holds what a running answer has said so far."""
    return f"parley:answer:{run}:{attempt}"


@lru_cache(maxsize=1)
def connection() -> "redis.Redis":
    """Return the process's Redis client for plain threads."""
    pool = redis.BlockingConnectionPool.from_url(
        settings.REDIS_URL,
        max_connections=50,
        timeout=5,
        socket_timeout=5,
        socket_connect_timeout=2,
    )
    return redis.Redis(connection_pool=pool)


def async_connection() -> "aioredis.Redis":
    """Make a Redis client for the running loop. Blocking reads outlast its timeout."""
    return aioredis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=BLOCK_MS / 1000 + 8, socket_connect_timeout=2
    )


def announce(recorded: Sequence[Recorded]) -> None:
    """Tell every listener that a stream has grown by these events."""
    stream, seq = recorded[-1].stream, recorded[-1].seq
    content = encode(grown=[Grown(stream, seq, [each.pack() for each in recorded])])
    if len(content) > MAX_HINT_CHARACTERS:
        content = encode(grown=[Grown(stream, seq, [])])
    entry: dict[Any, Any] = {"f": content}
    connection().xadd(BUS, entry, maxlen=BUS_LENGTH, approximate=True)


def hint(name: str) -> None:
    """Wake those who listen to something that has no events of its own."""
    entry: dict[Any, Any] = {"f": encode(grown=[Grown(name, 0, [])])}
    connection().xadd(BUS, entry, maxlen=BUS_LENGTH, approximate=True)


class Subscription:
    """What one socket has still to be told about one stream, bounded."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._items: list[Item] = []
        self._characters = 0
        self._resync = False
        self._wake = asyncio.Event()

    def offer(self, item: Item) -> None:
        """Add an item; a listener too slow for its bound is told to resync instead."""
        self._items.append(item)
        if not isinstance(item, Grown):
            self._characters += len(item.text)
        if len(self._items) > MAX_PENDING_ITEMS or self._characters > MAX_PENDING_CHARACTERS:
            self.lost()
        self._wake.set()

    def lost(self) -> None:
        """Something did not arrive: drop what waits and have the listener read again."""
        self._items = []
        self._characters = 0
        self._resync = True
        self._wake.set()

    async def take(self) -> Batch:
        """Wait until there is something, and take all of it."""
        await self._wake.wait()
        batch = Batch(self._items, self._resync)
        self._items, self._characters, self._resync = [], 0, False
        self._wake.clear()
        return batch


class Hub:
    """The one reader of the bus in a process, and its subscriptions."""

    def __init__(self) -> None:
        self.redis = async_connection()
        self._subscriptions: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._ready = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def subscribe(self, stream: str) -> Subscription:
        """Listen to a stream. What is published from now on arrives, or a resync does."""
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        subscription = Subscription(stream)
        self._subscriptions[stream].add(subscription)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), READY_SECONDS)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop listening."""
        listeners = self._subscriptions[subscription.stream]
        listeners.discard(subscription)
        if not listeners:
            del self._subscriptions[subscription.stream]

    async def snapshot(self, run: str, attempt: int) -> str | None:
        """Return what a running answer has said so far, if it has begun."""
        held: Untyped = await self.redis.get(snapshot_key(run, attempt))
        return None if held is None else str(held, "utf-8")

    async def close(self) -> None:
        """End the reader and its connections."""
        if self._reader is not None:
            self._reader.cancel()
            with suppress(asyncio.CancelledError):
                await self._reader
        await self.redis.aclose()

    async def _read(self) -> None:
        lost = False
        while True:
            try:
                position = await self._newest()
                if lost:  # only now: what comes behind this position will be heard
                    self._resync_all()
                self._ready.set()
                while True:
                    position = await self._read_on(position)
            except (redis.RedisError, OSError) as error:
                logger.warning("live_bus_lost", error=str(error))
                lost = True
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _newest(self) -> str:
        newest: Untyped = await self.redis.xrevrange(BUS, count=1)
        return str(newest[0][0], "ascii") if newest else "0-0"

    async def _read_on(self, position: str) -> str:
        streams: dict[Any, Any] = {BUS: position}
        found: Untyped = await self.redis.xread(streams, block=BLOCK_MS, count=200)
        entries = _entries(found)
        for _, fields in entries:
            for item in decode(fields[b"f"]):
                for subscription in self._subscriptions.get(item.stream, ()):
                    subscription.offer(item)
        return str(entries[-1][0], "ascii") if entries else position

    def _resync_all(self) -> None:
        for listeners in self._subscriptions.values():
            for subscription in listeners:
                subscription.lost()


def _entries(found: Untyped) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Take the entries of the one stream out of an answer, in either protocol's shape."""
    if not found:
        return []
    if isinstance(found, dict):
        (held,) = found.values()
        return list(held[0]) if held and isinstance(held[0], list) else list(held)
    return list(found[0][1])


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


async def close_hub() -> None:
    """Close the running loop's hub, if it has one."""
    if found := _hubs.pop(asyncio.get_running_loop(), None):
        await found.close()


def hub() -> Hub:
    """Return the running loop's hub."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
