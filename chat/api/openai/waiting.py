"""Waiting for an answer, piece by piece: of a completion, or of a run in a thread."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis
from channels.db import database_sync_to_async
from typing_extensions import override

from agents.messages import Usage
from chat.completions import ATTEMPT, Done, alive_key, asked_key, done_key
from chat.events import Problem
from chat.models import Message, Run
from tracer import live

LOOK_SECONDS = 1.0  # a hint may be lost; what it is about is not
BEGIN_SECONDS = 90.0
AGAIN_SECONDS = 5.0
MISSED_BEATS = 3

Untyped = Any  # redis-py types its answers too widely


@dataclass(frozen=True, slots=True)
class Said:
    """The next characters of an answer; or, with `thought`, of what comes before it."""

    text: str
    thought: bool = False


class _Text:
    """What has come of a growing text, without gaps and doubles."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.text = ""
        self.attempt = 0

    def take(self, delta: live.Delta) -> str | None:
        """Return what is new in a piece; None if something is missing before it."""
        if delta.run != self.run or delta.attempt < self.attempt:
            return ""
        if delta.attempt > self.attempt or delta.offset > len(self.text):
            return None
        return self._grown(delta.text[len(self.text) - delta.offset :])

    def catch_up(self, attempt: int, whole: str) -> str:
        """Return what is new in the whole text.

        Raises:
            ValueError: It goes on differently from what was given out.
        """
        if not whole.startswith(self.text):
            raise ValueError(whole)
        self.attempt = attempt
        return self._grown(whole[len(self.text) :])

    def _grown(self, new: str) -> str:
        self.text += new
        return new


class Waiting:
    """Waits for one answer. Iterating gives what is said; afterwards `done` has the whole."""

    def __init__(self, subscription: live.Subscription, run: UUID) -> None:
        self.done = Done()
        self._subscription = subscription
        self._run = run
        self._text = _Text(str(run))

    async def __aiter__(self) -> AsyncIterator[Said | None]:
        """Yield what is said; None where nothing was for a while."""
        done = await self._look()
        while done is None:
            try:
                batch = await asyncio.wait_for(self._subscription.take(), LOOK_SECONDS)
            except TimeoutError:
                yield None
                done = await self._look()
                continue
            heard, missed = self._heard(batch)
            for said in heard:
                yield said
            if missed and (caught := await self._caught_up()):
                yield Said(caught)
            if missed or any(isinstance(item, live.Grown) for item in batch.items):
                done = await self._look()
        if rest := self._finish(done):
            yield Said(rest)

    def _heard(self, batch: live.Batch) -> tuple[list[Said], bool]:
        """Return what is new in a batch of the bus, and whether something is missing."""
        heard: list[Said] = []
        missed = batch.resync
        for item in batch.items:
            if isinstance(item, live.Thought) and item.run == str(self._run):
                heard.append(Said(item.text, thought=True))
            elif isinstance(item, live.Delta) and not missed:
                new = self._text.take(item)
                missed = new is None
                heard += [Said(new)] if new else []
        return heard, missed

    def _finish(self, done: Done) -> str:
        """Take the whole answer; return what was not given out of it yet."""
        self.done = done
        try:
            return self._text.catch_up(self._text.attempt, done.content)
        except ValueError:
            self.done = done.model_copy(update={"error": done.error or _begun_anew()})
            return ""

    async def _caught_up(self) -> str:
        """Return what the snapshot has more."""
        attempt = await self._attempt()
        try:
            held = await live.hub().snapshot(str(self._run), attempt)
            return self._text.catch_up(attempt, held) if held else ""
        except (redis.RedisError, OSError, ValueError):
            return ""  # the bus is away, or the text began anew: the whole tells

    async def _attempt(self) -> int:
        return ATTEMPT

    async def _look(self) -> Done | None:
        raise NotImplementedError


class WaitingForCompletion(Waiting):
    """Waits for what a client asked that keeps its conversation itself."""

    def __init__(
        self, subscription: live.Subscription, run: UUID, *, send: Callable[[], Awaitable[None]]
    ) -> None:
        """Wait for a completion.

        Args:
            subscription: What it is heard with.
            run: The completion.
            send: Sends a worker to it; once more if nobody has come for a while.
        """
        super().__init__(subscription, run)
        self._text.attempt = ATTEMPT
        self._send = send
        self._since = self._sent = time.monotonic()
        self._missed = 0
        self._looked = 0.0

    @override
    async def _look(self) -> Done | None:
        """Return what came of it, if it is there; or that nobody is at it."""
        client: Untyped = live.hub().redis
        try:
            done = await client.get(done_key(self._run))
            if done is not None:
                await client.delete(done_key(self._run))
                return Done.model_validate_json(done)
            if time.monotonic() - self._looked < LOOK_SECONDS:
                return None
            self._looked = time.monotonic()
            waiting, alive = await client.exists(asked_key(self._run)), None
            if not waiting:
                alive = await client.exists(alive_key(self._run))
        except (redis.RedisError, OSError):
            return self._nobody() if self._late() else None
        if waiting:
            return await self._call_again()
        self._missed = 0 if alive else self._missed + 1
        return _vanished() if self._missed >= MISSED_BEATS else None

    async def _call_again(self) -> Done | None:
        """Send another worker, if the first one has not come: it may have died on the way."""
        if self._late():
            return self._nobody()
        if time.monotonic() - self._sent > AGAIN_SECONDS:
            self._sent = time.monotonic()
            await self._send()
        return None

    def _late(self) -> bool:
        return time.monotonic() - self._since > BEGIN_SECONDS

    def _nobody(self) -> Done:
        detail = "No worker has taken the question. Try again in a while."
        return Done(error=Problem(code="unavailable", detail=detail, retryable=True))


class WaitingForRun(Waiting):
    """Waits for a run in a thread."""

    @override
    async def _attempt(self) -> int:
        return (await _run(self._run)).attempt

    @override
    async def _look(self) -> Done | None:
        return await _outcome(self._run, self._text.text)


def _vanished() -> Done:
    detail = "The worker that answered has vanished. Try again."
    return Done(error=Problem(code="crashed", detail=detail, retryable=True))


def _begun_anew() -> Problem:
    detail = "The answer broke down and began anew. The thread has the whole."
    return Problem(code="restarted", detail=detail, retryable=False)


def _run_now(run_id: UUID) -> Run:
    return Run.objects.get(id=run_id)


def _outcome_now(run_id: UUID, said: str) -> Done | None:
    """Return what came of a run, once it has ended or waits for a person."""
    run = Run.objects.get(id=run_id)
    if run.state in {Run.State.QUEUED, Run.State.RUNNING}:
        return None
    found = Message.objects.filter(id=run.answer_id).values_list("content", flat=True).first()
    content = said if found is None else found
    usage = Usage.model_validate(run.usage) if run.usage else Usage()
    if run.state == Run.State.COMPLETED:
        return Done(content=content, usage=usage)
    if run.state == Run.State.FAILED:
        problem = Problem.model_validate(run.error)
    elif run.state == Run.State.WAITING:
        detail = "It waits for a person to decide. Go on with it in Parley."
        problem = Problem(code="waiting", detail=detail, retryable=False)
    else:
        problem = Problem(code="stopped", detail="Somebody has stopped it.", retryable=True)
    return Done(content=content, usage=usage, error=problem)


_run = database_sync_to_async(_run_now, thread_sensitive=False)
_outcome = database_sync_to_async(_outcome_now, thread_sensitive=False)
