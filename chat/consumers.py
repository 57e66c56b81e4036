"""A thread's socket: what the feed tells goes out, commands come in."""

import asyncio
import time
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import Error as DatabaseTrouble
from typing_extensions import override

from agents.errors import AgentError
from chat import credentials, frames, gateway, selectors
from chat.errors import BadRequest, ChatError, MessageTooLong, NoSuchThread, Unavailable
from chat.feed import Feed
from chat.frames import Frame
from chat.models import Thread
from chat.sockets import Scope, query, user_of

NEW = "new"
ESCAPED = 6  # the most characters that JSON takes for one
CLOSE_CODES = {"unauthorized": 4401, "not_yours": 4403, "no_such_thread": 4404}
REFUSED_AT_THE_DOOR = CLOSE_CODES | {"missing_scope": 4403, "rate_limited": 4429}
CLOSE_OTHERWISE = 4400
CLOSE_TOO_SLOW = 4429
CLOSE_TRY_AGAIN = 1013

logger = structlog.get_logger(__name__)


class ThreadConsumer(AsyncWebsocketConsumer):
    """The socket of one thread, at `/ws/threads/<uuid>/` or, for a new one, `/ws/threads/new/`."""

    thread: Thread
    feeding: "asyncio.Task[None] | None" = None
    watching: "asyncio.Task[None] | None" = None
    writing_since: float | None = None

    @override
    async def connect(self) -> None:
        await self.accept()
        try:
            await self._open()
        except (ChatError, AgentError) as error:
            await self._refuse(error)
            await self.close(REFUSED_AT_THE_DOOR.get(error.code, CLOSE_OTHERWISE))
        except DatabaseTrouble:
            await self._refuse(Unavailable())
            await self.close(CLOSE_TRY_AGAIN)

    @override
    async def disconnect(self, code: int) -> None:
        for task in (self.feeding, self.watching):
            if task is not None:
                task.cancel()

    @override
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        client_id: UUID | None = None
        try:
            text = _readable(text_data, bytes_data)
            command = frames.parse(text)
            client_id = command.client_id if isinstance(command, frames.Send) else None
            await self._obey(command)
        except (ChatError, AgentError) as error:
            await self._refuse(error, client_id=client_id)
            if error.code in CLOSE_CODES:
                await self.close(CLOSE_CODES[error.code])
        except DatabaseTrouble:
            await self._refuse(Unavailable(), client_id=client_id)

    async def _open(self) -> None:
        asked = query(self.scope)
        after, html = (
            frames.seq(asked.get("after", "0"), name="after"),
            asked.get("render") == "html",
        )
        self.thread = await _find_or_start(
            self.scope, self.scope["url_route"]["kwargs"]["thread"], asked.get("agent")
        )
        feed = Feed(self.thread, after=after, html=html, write=self._write)
        self.feeding = asyncio.create_task(self._feed(feed))
        self.watching = asyncio.create_task(self._watch(self.feeding))

    async def _obey(self, command: frames.AnyCommand) -> None:
        if isinstance(command, frames.Ping):
            await self._write({"type": "pong"})
        else:
            await _act(self.scope, self.thread.id, command)

    async def _feed(self, feed: Feed) -> None:
        """Tell the client what the feed says, for as long as it is there and follows."""
        try:
            async with feed:
                await feed.run()
        except asyncio.CancelledError:
            raise
        except DatabaseTrouble as error:
            logger.warning("socket_without_database", error=str(error))
            await self.close(CLOSE_TRY_AGAIN)
        except Exception:
            logger.exception("socket_failed", thread=str(self.thread.id))
            await self.close(1011)

    async def _write(self, frame: Frame) -> None:
        """Send a frame. A slow client is waited for; `_watch` sees to it that not for ever."""
        self.writing_since = time.monotonic()
        await self.send(text_data=frames.encode(frame))
        self.writing_since = None

    async def _watch(self, feeding: "asyncio.Task[None]") -> None:
        """Let a client go that has taken nothing for too long: it has to come back."""
        limit = settings.SLOW_CLIENT_SECONDS
        while True:  # one timer a socket; a timeout for each frame would cost more
            await asyncio.sleep(limit / 4)
            if self.writing_since and time.monotonic() - self.writing_since > limit:
                logger.warning("socket_too_slow", thread=str(self.thread.id))
                feeding.cancel()
                await self.close(CLOSE_TOO_SLOW)
                return

    async def _refuse(
        self, error: ChatError | AgentError, *, client_id: UUID | None = None
    ) -> None:
        retry_after = error.retry_after_seconds if isinstance(error, ChatError) else None
        frame = frames.error(
            error.code, str(error), client_id=client_id, retry_after_seconds=retry_after
        )
        await self._write(frame)


def _readable(text: str | None, data: bytes | None) -> str:
    if text is None:
        msg = "Commands are text, not bytes."
        raise BadRequest(msg, code="malformed_json")
    limit = settings.MESSAGE_MAX_BYTES
    if len(text) > ESCAPED * limit + 10_000:
        raise MessageTooLong(size=len(text), limit=limit)
    return text


def _act_now(scope: Scope, thread_id: UUID, command: frames.AnyCommand) -> None:
    """Do what a client asks for, if it still may: rights may have gone since it came in."""
    user = user_of(scope, may="chat")
    thread, actor = selectors.thread_for(user, thread_id), f"user:{user.pk}"
    match command:
        case frames.Send():
            _say(thread, command, channel="api" if scope.get("api_key") else "web", actor=actor)
        case frames.Stop():
            gateway.stop(thread, actor=actor)
        case frames.Retry():
            gateway.retry(thread, actor=actor, message=command.message)
        case frames.Approve():
            allow = command.decision == "allow"
            remember = command.remember
            gateway.decide(thread, call=command.call, allow=allow, remember=remember, actor=actor)
        case frames.Answer():
            gateway.answer(thread, question=command.question, content=command.content, actor=actor)
        case frames.Ping():
            pass


def _say(thread: Thread, said: frames.Send, *, channel: str, actor: str) -> None:
    if said.steer:
        gateway.steer(
            thread=thread,
            content=said.content,
            channel=channel,
            sender=actor,
            client_id=said.client_id,
        )
        return
    gateway.receive(
        thread=thread,
        content=gateway.Content(said.content, tuple(said.attachments)),
        channel=channel,
        sender=actor,
        agent=said.agent,
        client_id=said.client_id,
        place=gateway.Place(parent=said.parent, replaces=said.replaces),
    )


def _find_or_start_now(scope: Scope, name: str, agent: str | None) -> Thread:
    user = user_of(scope, may="read" if name != NEW else "chat")
    if key := scope.get("api_key"):
        credentials.check_rate(key)
    if name == NEW:
        return gateway.start(owner=user, agent=agent, actor=f"user:{user.pk}")
    try:
        thread = UUID(name)
    except ValueError:
        raise NoSuchThread from None
    return selectors.thread_for(user, thread)


_act = database_sync_to_async(_act_now, thread_sensitive=False)
_find_or_start = database_sync_to_async(_find_or_start_now, thread_sensitive=False)
