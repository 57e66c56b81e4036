"""What a client of a thread is told: every event once and in order, answers to the character.

It listens first and reads second; a hint from the bus only makes it read on from `last_seq`.
Losing a hint costs time, never text. Sockets and event streams both carry it.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby, islice
from typing import Any, Self

import redis
from channels.db import database_sync_to_async

from agents.events import FileSent
from chat import frames, rendering, selectors, tree
from chat.events import (
    MessageAdded,
    MessageEdited,
    RunCancelled,
    RunCompleted,
    RunFailed,
)
from chat.frames import Frame
from chat.growth import Growth
from chat.models import Message, Run, Thread
from tracer import live
from tracer.events import Recorded
from tracer.log import read

PAGE = 200

Write = Callable[[Frame], Awaitable[None]]
Told = tuple[Recorded, dict[str, Any]]  # an event, and what a page is told of it on top


class Feed:
    """Brings one client up to date with a thread, and keeps it so. A context manager."""

    def __init__(self, thread: Thread, *, after: int, html: bool, write: Write) -> None:
        """Make a feed.

        Args:
            thread: What to tell of.
            after: The seq of the last event that the client has.
            html: Whether it also wants rendered HTML.
            write: Sends a frame, and waits if the client is slow.
        """
        self.last_seq = after
        self._thread = thread
        self._growth = Growth(html=html)
        self._write = write
        self._subscription: live.Subscription | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await live.hub().subscribe(self._thread.stream)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._subscription is not None:
            live.hub().unsubscribe(self._subscription)

    async def run(self) -> None:
        """Tell all there is, say that it is all, and go on with what comes."""
        assert self._subscription is not None, "Enter the feed first."  # noqa: S101
        await self._catch_up()
        await self._write(frames.ready(self.last_seq))
        while True:
            batch = await self._subscription.take()
            if batch.resync:
                await self._catch_up()
            await self._pass_on(batch.items)

    async def _pass_on(self, items: list[live.Item]) -> None:
        for kind, run in groupby(items, key=type):
            if kind is live.Grown:
                for hint in run:
                    await self._hear(hint)
                continue
            if kind is live.Thought:
                thoughts = (each for each in run if isinstance(each, live.Thought))
                await self._write_all(self._growth.thoughts(thoughts))
                continue
            fresh, gap = self._growth.take(each for each in run if isinstance(each, live.Delta))
            await self._write_all(fresh)
            if gap:
                await self._catch_up()

    async def _hear(self, hint: live.Item) -> None:
        """Pass on the events of a hint, if they are the next ones; else read what is missing."""
        if not isinstance(hint, live.Grown) or hint.seq <= self.last_seq:
            return
        events = hint.events
        if not events or events[0].seq > self.last_seq + 1:
            await self._read_on()
            return
        fresh = [entry for entry in events if entry.seq > self.last_seq]
        await self._tell(await _with_html(fresh) if self._growth.html else [(e, {}) for e in fresh])

    async def _catch_up(self) -> None:
        """Send what the client lacks: events, then what running answers hold."""
        await self._read_on()
        for run in await _growing(self._thread):
            try:
                text = await live.hub().snapshot(str(run.id), run.attempt)
            except (redis.RedisError, OSError):
                continue  # the bus is away; its return brings a resync
            if text is not None:
                snapshot = self._growth.snapshot(
                    str(run.id), attempt=run.attempt, message=str(run.answer_id), text=text
                )
                await self._write_all(snapshot)

    async def _read_on(self) -> None:
        while page := await _events(self._thread.stream, self.last_seq, self._growth.html):
            await self._tell(page)
            if len(page) < PAGE:
                break

    async def _tell(self, page: Sequence[Told]) -> None:
        for entry, more in page:
            self._note_ends(entry)
            await self._write(frames.event(entry, more))
            self.last_seq = entry.seq

    def _note_ends(self, entry: Recorded) -> None:
        event = entry.event
        answered = isinstance(event, MessageAdded) and event.role == "assistant"
        if answered or isinstance(event, RunCompleted | RunFailed | RunCancelled):
            self._growth.end(str(entry.correlation_id))

    async def _write_all(self, written: Iterable[Frame]) -> None:
        for frame in written:
            await self._write(frame)


def _events_now(stream: str, after: int, html: bool) -> list[Told]:  # noqa: FBT001
    entries = list(islice(read(stream, after), PAGE))
    return _with_html_now(entries) if html else [(entry, {}) for entry in entries]


def _with_html_now(entries: Sequence[Recorded]) -> list[Told]:
    return [(entry, _more(entry)) for entry in entries]


def _more(entry: Recorded) -> dict[str, Any]:
    """Return what a page needs to show an event: HTML, and the siblings of a message."""
    event = entry.event
    if isinstance(event, MessageAdded):
        html = rendering.by_role(event.role, event.content, event.attachments)
        return {"html": html, "siblings": _siblings(event)}
    if isinstance(event, MessageEdited):
        return {"html": _edited(event)}
    if isinstance(event, FileSent):
        return {"html": rendering.files([event.file])}
    return {}


def _edited(event: MessageEdited) -> str:
    message = Message.objects.filter(id=event.message).first()
    if message is None:
        return ""
    return rendering.by_role(message.role, event.content, message.attached)


def _siblings(event: MessageAdded) -> list[str]:
    message = Message.objects.select_related("thread").filter(id=event.message).first()
    if message is None:
        return []
    family = tree.siblings(message.thread, [message])
    return [str(each) for each in family.get(message.id, [])]


def _growing_now(thread: Thread) -> list[Run]:
    growing = (Run.State.RUNNING, Run.State.WAITING)
    return [run for run in selectors.active_runs(thread) if run.state in growing]


_events = database_sync_to_async(_events_now, thread_sensitive=False)
_growing = database_sync_to_async(_growing_now, thread_sensitive=False)
_with_html = database_sync_to_async(_with_html_now, thread_sensitive=False)
