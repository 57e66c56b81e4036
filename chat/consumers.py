"""A thread's socket: every event once and in order, growing answers to the character.

It listens first and reads second; a hint from the bus only makes it read on from `last_seq`.
Losing a hint costs time, never text.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from uuid import UUID

import redis
import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from typing_extensions import override

from agents.errors import AgentError
from chat import frames, gateway, rendering, selectors
from chat.errors import BadRequest, ChatError, MessageTooLong, NoSuchThread
from chat.events import (
    MessageAdded,
    MessageEdited,
    RunCancelled,
    RunCompleted,
    RunFailed,
)
from chat.frames import Frame
from chat.growth import Growth
from chat.models import Run, Thread
from chat.sockets import Scope, query, user_of
from tracer import live
from tracer.events import Recorded
from tracer.log import read

NEW = "new"
PAGE = 200
ESCAPED = 6  # the most characters that JSON takes for one
CLOSE_CODES = {"unauthorized": 4401, "not_yours": 4403, "no_such_thread": 4404}
CLOSE_OTHERWISE = 4400

logger = structlog.get_logger(__name__)


class ThreadConsumer(AsyncWebsocketConsumer):
    """The socket of one thread, at `/ws/threads/<uuid>/` or, for a new one, `/ws/threads/new/`."""

    thread: Thread
    last_seq: int
    growth: Growth
    subscription: live.Subscription | None = None
    feeding: "asyncio.Task[None] | None" = None

    @override
    async def connect(self) -> None:
        await self.accept()
        try:
            await self._open()
        except (ChatError, AgentError) as error:
            await self._write(frames.error(error.code, str(error)))
            await self.close(CLOSE_CODES.get(error.code, CLOSE_OTHERWISE))

    @override
    async def disconnect(self, code: int) -> None:
        if self.feeding is not None:
            self.feeding.cancel()
        if self.subscription is not None:
            live.hub().unsubscribe(self.subscription)

    @override
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        client_id: UUID | None = None
        try:
            text = _readable(text_data, bytes_data)
            command = frames.parse(text)
            client_id = command.client_id if isinstance(command, frames.Send) else None
            await self._obey(command)
        except (ChatError, AgentError) as error:
            await self._write(frames.error(error.code, str(error), client_id=client_id))
            if error.code in CLOSE_CODES:
                await self.close(CLOSE_CODES[error.code])

    async def _open(self) -> None:
        asked = query(self.scope)
        self.last_seq = _after(asked.get("after", "0"))
        self.growth = Growth(html=asked.get("render") == "html")
        self.thread = await _find_or_start(
            self.scope, self.scope["url_route"]["kwargs"]["thread"], asked.get("agent")
        )
        self.subscription = await live.hub().subscribe(self.thread.stream)
        self.feeding = asyncio.create_task(self._feed(self.subscription))

    async def _obey(self, command: frames.AnyCommand) -> None:
        if isinstance(command, frames.Ping):
            await self._write({"type": "pong"})
        else:
            await _act(self.scope, self.thread.id, command)

    async def _feed(self, subscription: live.Subscription) -> None:
        """Bring the client up to date, then pass on what comes, for as long as it is there."""
        try:
            await self._catch_up()
            await self._write(frames.ready(self.last_seq))
            while True:
                batch = await subscription.take()
                if batch.resync:
                    await self._catch_up()
                await self._pass_on(batch.items)
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("socket_failed", thread=str(self.thread.id))
            await self.close(1011)

    async def _pass_on(self, items: list[live.Delta | live.Grown]) -> None:
        for kind, run in groupby(items, key=type):
            if kind is live.Grown:
                for hint in run:
                    await self._hear(hint)
                continue
            fresh, gap = self.growth.take(each for each in run if isinstance(each, live.Delta))
            await self._write(*fresh)
            if gap:
                await self._catch_up()

    async def _hear(self, hint: live.Delta | live.Grown) -> None:
        """Pass on the events of a hint, if they are the next ones; else read what is missing."""
        if not isinstance(hint, live.Grown) or hint.seq <= self.last_seq:
            return
        events = hint.events
        if not events or events[0].seq > self.last_seq + 1:
            await self._read_on()
            return
        fresh = [entry for entry in events if entry.seq > self.last_seq]
        await self._tell(
            await _with_html(fresh) if self.growth.html else [(e, None) for e in fresh]
        )

    async def _catch_up(self) -> None:
        """Send what the client lacks: events, then what running answers hold."""
        await self._read_on()
        for run in await _running(self.thread):
            try:
                text = await live.hub().snapshot(str(run.id), run.attempt)
            except (redis.RedisError, OSError):
                continue  # the bus is away; its return brings a resync
            if text is not None:
                await self._write(
                    *self.growth.snapshot(
                        str(run.id), attempt=run.attempt, message=str(run.answer_id), text=text
                    )
                )

    async def _read_on(self) -> None:
        while page := await _events(self.thread.stream, self.last_seq, self.growth.html):
            await self._tell(page)
            if len(page) < PAGE:
                break

    async def _tell(self, page: Sequence[tuple[Recorded, str | None]]) -> None:
        for entry, html in page:
            self._note_ends(entry)
            await self._write(frames.event(entry, html=html))
            self.last_seq = entry.seq

    def _note_ends(self, entry: Recorded) -> None:
        event = entry.event
        answered = isinstance(event, MessageAdded) and event.role == "assistant"
        if answered or isinstance(event, RunCompleted | RunFailed | RunCancelled):
            self.growth.end(str(entry.correlation_id))

    async def _write(self, *written: Frame) -> None:
        for frame in written:
            await self.send(text_data=frames.encode(frame))


def _readable(text: str | None, data: bytes | None) -> str:
    if text is None:
        msg = "Commands are text, not bytes."
        raise BadRequest(msg, code="malformed_json")
    limit = settings.MESSAGE_MAX_BYTES
    if len(text) > ESCAPED * limit + 10_000:
        raise MessageTooLong(size=len(text), limit=limit)
    return text


def _after(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        msg = "after is the seq of the last event you have: a whole number."
        raise BadRequest(msg, code="bad_after")
    return int(text)


def _act_now(scope: Scope, thread_id: UUID, command: frames.AnyCommand) -> None:
    """Do what a client asks for, if it still may: rights may have gone since it came in."""
    user = user_of(scope)
    thread, actor = selectors.thread_for(user, thread_id), f"user:{user.pk}"
    match command:
        case frames.Send(attachments=[_, *_]):
            msg = "Attachments can't be sent yet."
            raise BadRequest(msg, code="no_attachments")
        case frames.Send():
            gateway.receive(
                thread=thread,
                content=command.content,
                channel="api" if scope.get("api_key") else "web",
                sender=actor,
                agent=command.agent,
                client_id=command.client_id,
                parent=command.parent,
            )
        case frames.Stop():
            gateway.stop(thread, actor=actor)
        case frames.Retry():
            gateway.retry(thread, actor=actor)
        case frames.Approve():
            msg = "Nothing waits for an approval here."
            raise BadRequest(msg, code="nothing_to_approve")
        case frames.Answer():
            msg = "No question waits for an answer here."
            raise BadRequest(msg, code="nothing_to_answer")
        case frames.Ping():
            pass


def _find_or_start_now(scope: Scope, name: str, agent: str | None) -> Thread:
    user = user_of(scope)
    if name == NEW:
        return gateway.start(owner=user, agent=agent, actor=f"user:{user.pk}")
    try:
        thread = UUID(name)
    except ValueError:
        raise NoSuchThread from None
    return selectors.thread_for(user, thread)


def _events_now(stream: str, after: int, html: bool) -> list[tuple[Recorded, str | None]]:  # noqa: FBT001
    entries = list(islice(read(stream, after), PAGE))
    return _with_html_now(entries) if html else [(entry, None) for entry in entries]


def _with_html_now(entries: Sequence[Recorded]) -> list[tuple[Recorded, str | None]]:
    return [(entry, _html(entry)) for entry in entries]


def _html(entry: Recorded) -> str | None:
    event = entry.event
    if isinstance(event, MessageAdded):
        return rendering.by_role(event.role, event.content)
    if isinstance(event, MessageEdited):
        return rendering.by_role(selectors.role_of(event.message), event.content)
    return None


def _running_now(thread: Thread) -> Iterable[Run]:
    return list(selectors.active_runs(thread).filter(state=Run.State.RUNNING))


_act = database_sync_to_async(_act_now, thread_sensitive=False)
_events = database_sync_to_async(_events_now, thread_sensitive=False)
_find_or_start = database_sync_to_async(_find_or_start_now, thread_sensitive=False)
_running = database_sync_to_async(_running_now, thread_sensitive=False)
_with_html = database_sync_to_async(_with_html_now, thread_sensitive=False)
