"""The frame clock: what all running answers of a process have grown by, published together.

A lone token goes out at once. Under load a frame collects the tokens of all runs, so that a
hundred streams cost about fourteen publishes a second, not four thousand.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import redis
import structlog

from tracer import live

SHORTEST_SECONDS = 0.005
LONGEST_SECONDS = 0.100
SECONDS_PER_ANSWER = 0.0007
FULL_FROM_SECONDS = 0.025  # between frames: what a usual model takes for a token
LATE_SECONDS = 0.25
COLLECTING_TURNS = 4  # of the loop, until who was woken has read what there was
SNAPSHOT_TTL_SECONDS = 24 * 3600
MAX_CHARACTERS = 10_000  # of a delta; even escaped it stays under 64 kB

# All snapshots and the frame in one command with one answer: the lengths that the snapshots have
# now. A command for each of a hundred answers would cost more than reading their tokens.
PUBLISH = """
local lengths = {}
for place = 2, #KEYS do
    local how, text = ARGV[place * 2], ARGV[place * 2 + 1]
    if how == 'set' then
        redis.call('SET', KEYS[place], text, 'EX', ARGV[3])
        lengths[place - 1] = #text
    else
        lengths[place - 1] = redis.call('APPEND', KEYS[place], text)
    end
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'f', ARGV[1])
return lengths
"""

Untyped = Any  # redis-py types its scripts for both kinds of clients

logger = structlog.get_logger(__name__)


class Answer:
    """The growing text of one attempt of one run. Belongs to the loop that streams it."""

    def __init__(
        self, *, stream: str, run: str, attempt: int, message: str, begun: str = ""
    ) -> None:
        """Begin an answer.

        Args:
            stream: The thread's stream.
            run: The run's id.
            attempt: 1 for the first; a newer attempt outdates the frames of older ones.
            message: The id that the finished message will have.
            begun: What an earlier attempt had finished saying.
        """
        self.stream = stream
        self.run = run
        self.attempt = attempt
        self.message = message
        self.published = 0
        self.confirmed = 0
        self.stored_bytes: int | None = None
        self._clock: FrameClock | None = None
        self._thoughts: list[live.Thought] = []
        self._parts = [begun] if begun else []
        self._length = len(begun)

    def add(self, text: str) -> None:
        """Take the next characters, and have them published with the next frame."""
        self._parts.append(text)
        self._length += len(text)
        self._touch()

    def think(self, text: str, offset: int) -> None:
        """Have what the model thinks published with the next frame; it is no part of the answer.

        Args:
            text: The next characters.
            offset: How many it has thought before them, in this call to the model.
        """
        thought = live.Thought(self.stream, self.run, self.attempt, self.message, offset, text)
        self._thoughts.append(thought)
        self._touch()

    def _touch(self) -> None:
        if self._clock is None:
            self._clock = clock()
        self._clock.touch(self)

    @property
    def text(self) -> str:
        """All that has been said."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    @property
    def length(self) -> int:
        """The number of characters said."""
        return self._length

    @property
    def unpublished(self) -> bool:
        """Whether it has grown since the last frame that is out."""
        return self.confirmed < self._length or bool(self._thoughts)

    def thoughts(self) -> list[live.Thought]:
        """Return what was thought since the last frame, and forget it: what is lost is no fact."""
        taken, self._thoughts = self._thoughts, []
        return _joined(taken)

    def news(self) -> str:
        """Return what has not been published yet, and keep the rest joined."""
        missing = self._length - self.published
        collected: list[str] = []
        for part in reversed(self._parts):
            if missing <= 0:
                break
            collected.append(part if len(part) <= missing else part[-missing:])
            missing -= len(part)
        return "".join(reversed(collected))

    @property
    def is_full(self) -> bool:
        """Whether more text would only wait for the next frame, and that is a while from now."""
        return self._clock is not None and self._clock.is_slow

    async def room(self) -> None:
        """Return when the next frame is about to be put together."""
        if self._clock is not None:
            await self._clock.next_frame()

    async def flush(self) -> None:
        """Return when all that was said is published (or Redis could not be reached)."""
        await clock().flush(self)

    async def discard_snapshot(self) -> None:
        """Forget the snapshot: the finished message is the truth now."""
        with suppress(redis.RedisError, OSError):
            await clock().redis.delete(live.snapshot_key(self.run, self.attempt))


class FrameClock:
    """Publishes what answers have grown by: at once when idle, in frames under load."""

    def __init__(self) -> None:
        self.redis = live.async_connection()
        self._script: Untyped = self.redis.register_script(PUBLISH)
        self._grown: dict[Answer, None] = {}
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._published = asyncio.Event()
        self._reading: asyncio.Event | None = None
        self._interval = SHORTEST_SECONDS
        self._late = False
        self._publishing: frozenset[Answer] = frozenset()
        self._task = asyncio.create_task(self._run())

    def touch(self, answer: Answer) -> None:
        """Have an answer's news published with the next frame."""
        self._grown[answer] = None
        self._wake.set()

    async def flush(self, answer: Answer) -> None:
        """Publish an answer's news now."""
        while answer in self._grown or answer in self._publishing:
            self._hurry.set()
            await self._published.wait()

    @property
    def is_slow(self) -> bool:
        """Whether there is time for more than a token between two frames."""
        return self._interval >= FULL_FROM_SECONDS and not self._late

    async def next_frame(self) -> None:
        """Return when the next frame is about to be put together: what is read now is in it."""
        if self._reading is None:
            self._reading = asyncio.Event()
            self._wake.set()
        await self._reading.wait()

    async def close(self) -> None:
        """Stop the clock and close its connection."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.redis.aclose()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last = 0.0
        while True:
            await self._wake.wait()
            pause = last + self._interval - loop.time()
            if pause > 0 and not self._hurry.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hurry.wait(), pause)
            last = loop.time()
            if self._read_on():
                for _ in range(COLLECTING_TURNS):
                    await asyncio.sleep(0)
            self._hurry.clear()
            if self._reading is None:
                self._wake.clear()
            answers = list(self._grown)
            self._grown.clear()
            if answers:
                self._interval = _interval(len(answers))
                await self._publish(answers)

    def _read_on(self) -> bool:
        """Let those read on that wait for the next frame; return whether there are any."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.set()
        return reading is not None

    def _be_late(self) -> None:
        """Have nobody wait for a frame while Redis hangs: the models' answers come all the same."""
        self._late = True
        self._read_on()

    async def _publish(self, answers: list[Answer]) -> None:
        self._publishing = frozenset(answers)
        deltas: list[live.Delta] = []
        thoughts = [thought for answer in answers for thought in answer.thoughts()]
        keys: list[str] = [live.BUS]
        stored: list[str | bytes] = []
        for answer in answers:
            text = answer.news()
            deltas += _deltas(answer, text)
            keys.append(live.snapshot_key(answer.run, answer.attempt))
            stored += _stored(answer, text)
            answer.published += len(text)
        frame = live.encode(deltas, thoughts=thoughts)
        try:
            lengths = await self._send(
                keys, [frame, live.BUS_LENGTH, SNAPSHOT_TTL_SECONDS, *stored]
            )
        except (redis.RedisError, OSError) as error:
            logger.warning("frame_lost", error=str(error), answers=len(answers))
            for answer in answers:
                answer.stored_bytes = None  # the next frame stores the whole text again
        else:
            for answer, length in zip(answers, lengths, strict=True):
                answer.confirmed = answer.published
                if length != answer.stored_bytes:
                    answer.stored_bytes = None  # Redis came back without its memory
        finally:
            self._publishing = frozenset()
            self._published.set()
            self._published = asyncio.Event()

    async def _send(self, keys: Sequence[str], values: Sequence[str | bytes | int]) -> list[int]:
        """Publish a frame; return the lengths of the snapshots."""
        late = asyncio.get_running_loop().call_later(LATE_SECONDS, self._be_late)
        try:
            lengths: list[int] = await self._script(keys, values)
        finally:
            late.cancel()
            self._late = False
        return lengths


def _interval(answers: int) -> float:
    """Return how long the next frame has to wait after one with so many answers, in seconds."""
    return min(LONGEST_SECONDS, max(SHORTEST_SECONDS, answers * SECONDS_PER_ANSWER))


def _stored(answer: Answer, news: str) -> tuple[str, bytes]:
    """Return how the snapshot is kept whole: what is new is added, or all of it is set anew."""
    if answer.stored_bytes is None:
        whole = answer.text.encode()
        answer.stored_bytes = len(whole)
        return "set", whole
    added = news.encode()
    answer.stored_bytes += len(added)
    return "add", added


def _joined(thoughts: list[live.Thought]) -> list[live.Thought]:
    """Make one of thoughts that follow each other, as far as one frame takes them."""
    joined: list[live.Thought] = []
    for each in thoughts:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.offset + len(last.text) == each.offset
            and len(last.text) + len(each.text) <= MAX_CHARACTERS
        ):
            joined[-1] = last._replace(text=last.text + each.text)
        else:
            joined += [
                each._replace(offset=each.offset + at, text=each.text[at : at + MAX_CHARACTERS])
                for at in range(0, len(each.text), MAX_CHARACTERS)
            ]
    return joined


def _deltas(answer: Answer, text: str) -> Iterator[live.Delta]:
    for start in range(0, len(text), MAX_CHARACTERS):
        yield live.Delta(
            answer.stream,
            answer.run,
            answer.attempt,
            answer.message,
            answer.published + start,
            text[start : start + MAX_CHARACTERS],
        )


_clocks: "WeakKeyDictionary[asyncio.AbstractEventLoop, FrameClock]" = WeakKeyDictionary()


def clock() -> FrameClock:
    """Return the running loop's clock."""
    loop = asyncio.get_running_loop()
    if loop not in _clocks:
        _clocks[loop] = FrameClock()
    return _clocks[loop]


async def close() -> None:
    """Stop the running loop's clock, if it has one."""
    held = _clocks.pop(asyncio.get_running_loop(), None)
    if held is not None:
        await held.close()
