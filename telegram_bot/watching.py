"""Shows, while an agent works, that it does, and how its answer grows.

In a private chat as a draft, which Telegram shows for 30 seconds and with a stop button; where
there are none, as a message that is edited. All of that may be left out or fail: the answer
itself is a post, and the sender's business. It ends the watch first, so that nothing comes late.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import Error as DatabaseTrouble
from django.db import transaction

from chat.events import ACTIVE
from chat.feed import Feed
from chat.frames import Frame
from chat.models import Run, Thread
from telegram_bot import formatting, outbox
from telegram_bot.api import Api, ApiError, Flood
from telegram_bot.handlers.dispatch import draft_id
from telegram_bot.models import Chat, Shown
from telegram_bot.offload import in_thread
from telegram_bot.pace import Pace

TICK_SECONDS = 0.25
TYPING_SECONDS = 4.5  # Telegram shows it for five
DRAFT_RENEWED_SECONDS = 20.0  # one is shown for thirty
PRIVATE_SECONDS = 1.5
GROUP_SECONDS = 4.0
SLOWEST_SECONDS = 15.0
WITHOUT_DRAFTS_SECONDS = 600.0  # where one was refused
AFTER_TROUBLE_SECONDS = 1.0
ROOM = formatting.LIMIT - 200
ENDS = {"run.completed", "run.failed", "run.cancelled"}
WORKING = {"run.started": True, "run.resumed": True, "run.waiting": False}

logger = structlog.get_logger(__name__)


@dataclass(slots=True)
class Progress:
    """How far a run is, as its thread's feed tells."""

    run: str
    attempt: int = 0
    text: str = ""
    tool: str = ""
    working: bool = False
    ended: bool = False

    def take(self, frame: Frame) -> None:
        """Take a frame of the feed."""
        match frame["type"]:
            case "snapshot" if frame["run"] == self.run:
                self.attempt, self.text = frame["attempt"], frame["text"]
            case "delta" if frame["run"] == self.run:
                if frame["attempt"] != self.attempt:
                    self.attempt, self.text = frame["attempt"], ""
                self.text = self.text[: frame["offset"]] + frame["text"]
            case "event" if frame["correlation_id"] == self.run:
                self._hear(frame["kind"], frame["data"])
            case _:
                pass

    def _hear(self, kind: str, data: dict[str, Any]) -> None:
        if kind in WORKING:
            self.working = WORKING[kind]
        elif kind == "tool.called":
            self.tool = data["name"]
        elif kind in {"tool.returned", "tool.failed"}:
            self.tool = ""
        elif kind in ENDS or (kind == "message.added" and data["role"] == "assistant"):
            self.ended = True

    def html(self) -> str:
        """Return what is shown of it: the end of what was said, and the tool at work."""
        parts = formatting.messages(self.text, limit=ROOM)
        said = parts[-1] if parts else ""
        if len(parts) > 1:
            said = f"…\n\n{said}"
        if self.tool:
            at_work = f"⚙️ <i>{formatting.escape(self.tool)} …</i>"
            said = f"{said}\n\n{at_work}" if said else at_work
        return said


@dataclass(slots=True)
class Watch:
    """One run, shown in one chat."""

    api: Api
    pace: Pace
    chat: Chat
    run: Run
    drafts: bool
    clock: Callable[[], float] = time.monotonic
    telegram_id: int | None = None
    _typed_at: float = float("-inf")
    _pushed_at: float = float("-inf")
    _pushed: str = ""
    _interval: float = 0.0
    _progress: Progress = field(default_factory=lambda: Progress(""))
    _done: asyncio.Event = field(default_factory=asyncio.Event)

    async def go(self) -> None:
        """Show how the run goes, until it ends or `end` is called."""
        self._progress = Progress(str(self.run.id))
        self._interval = PRIVATE_SECONDS if self.chat.private else GROUP_SECONDS
        thread = await in_thread(_thread)(self.run)
        if thread is None:
            return
        feed = Feed(thread, after=self.run.seq - 1, html=False, write=self._hear)
        feeding = asyncio.create_task(self._feed(feed))
        try:
            while not (self._done.is_set() or self._progress.ended):
                await self._tick()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._done.wait(), TICK_SECONDS)
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)

    def end(self) -> None:
        """Show nothing more."""
        self._done.set()

    async def _feed(self, feed: Feed) -> None:
        while True:
            try:
                async with feed:
                    await feed.run()
            except (DatabaseTrouble, OSError) as error:
                logger.warning("watch_interrupted", error=str(error))
            await asyncio.sleep(AFTER_TROUBLE_SECONDS)

    async def _hear(self, frame: Frame) -> None:
        self._progress.take(frame)

    async def _tick(self) -> None:
        if not self._progress.working:
            return
        try:
            await self._type()
            await self._show()
        except Flood as flood:
            self.pace.pause(self.chat.chat_id, flood.seconds, group=not self.chat.private)
            self._interval = min(SLOWEST_SECONDS, self._interval * 2)
        except ApiError as error:
            logger.info("not_shown", chat=self.chat.pk, error=str(error))
            self._pushed_at = self.clock()

    async def _type(self) -> None:
        now = self.clock()
        if now - self._typed_at >= TYPING_SECONDS:
            self._typed_at = now
            if self.pace.wait(self.chat.chat_id, group=not self.chat.private) == 0:
                await self.api.typing(self.chat)

    async def _show(self) -> None:
        waited = self.clock() - self._pushed_at
        html = await asyncio.to_thread(self._progress.html) if waited >= self._interval else ""
        unchanged = html == self._pushed
        if not html or (unchanged and not (self.drafts and waited >= DRAFT_RENEWED_SECONDS)):
            return
        if not self.pace.spare(self.chat.chat_id, group=not self.chat.private):
            return
        self._pushed_at, self._pushed = self.clock(), html
        if self.drafts:
            await self._draft(html)
        elif self.telegram_id is None:
            await self._begin(html)
        else:
            buttons = await in_thread(_stop_button)(self.chat, self.run)
            await self.api.edit(self.chat, self.telegram_id, html, buttons=buttons)

    async def _draft(self, html: str) -> None:
        try:
            await self.api.draft(self.chat, draft_id(self.run.id), html)
        except Flood:
            raise
        except ApiError as error:
            logger.info("no_drafts", chat=self.chat.pk, error=str(error))
            self.drafts = False
            await self._begin(html)

    async def _begin(self, html: str) -> None:
        buttons = await in_thread(_stop_button)(self.chat, self.run)
        sent = await self.api.send(self.chat, html, buttons=buttons, silent=True)
        self.telegram_id = sent
        await in_thread(_keep)(self.chat, self.run, sent)


class Watches:
    """All that is shown just now."""

    def __init__(self, api: Api, pace: Pace) -> None:
        self._api = api
        self._pace = pace
        self._watches: dict[tuple[int, UUID], tuple[Watch, asyncio.Task[None]]] = {}
        self._no_drafts: dict[int, float] = {}

    async def begin(self, run_id: UUID) -> None:
        """Show how a run goes, in the chat that its message came from."""
        found = await in_thread(_where)(run_id)
        if found is None:
            return
        run, chat, shown = found
        key = (chat.pk, run.answer_id)
        if key in self._watches:
            return
        without_until = self._no_drafts.get(chat.pk, 0.0)
        drafts = chat.private and time.monotonic() >= without_until
        watch = Watch(self._api, self._pace, chat, run, drafts, telegram_id=shown)
        self._watches[key] = (watch, asyncio.create_task(self._go(key, watch)))

    async def begin_all(self) -> None:
        """Show how all runs go that have begun before this process."""
        for run in await in_thread(under_way)():
            await self.begin(run)

    async def end(self, chat: Chat, key: str) -> None:
        """Show nothing more of what is about to be sent to a chat."""
        for (place, answer), (watch, task) in list(self._watches.items()):
            if place == chat.pk and outbox.answer_key(answer) == key:
                watch.end()
                await asyncio.wait([task])

    async def close(self) -> None:
        """End all."""
        tasks = [task for _, task in self._watches.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _go(self, key: tuple[int, UUID], watch: Watch) -> None:
        try:
            await watch.go()
        except Exception:
            logger.exception("watch_failed", run=str(watch.run.id))
        finally:
            if watch.chat.private and not watch.drafts:
                self._no_drafts[watch.chat.pk] = time.monotonic() + WITHOUT_DRAFTS_SECONDS
            self._watches.pop(key, None)


def _thread(run: Run) -> Thread | None:
    return Thread.objects.filter(id=run.thread_id).first()


def _where(run_id: UUID) -> tuple[Run, Chat, int | None] | None:
    """Return a run, the chat its message came from, and what is shown of its answer there."""
    run = Run.objects.filter(id=run_id).first()
    asked = Shown.objects.filter(message=run.message_id, persons=True) if run else None
    origin = asked.select_related("chat").first() if asked is not None else None
    if run is None or origin is None:
        return None
    key = outbox.answer_key(run.answer_id)
    shown = Shown.objects.filter(chat=origin.chat, key=key, part=0).first()
    return run, origin.chat, shown.telegram_id if shown else None


def under_way() -> list[UUID]:
    """Return the runs under way whose message came from Telegram."""
    active = Run.objects.filter(state__in=ACTIVE)
    asked = Shown.objects.filter(persons=True, message__in=active.values("message_id"))
    found = active.filter(message_id__in=asked.values("message"))
    return list(found.values_list("id", flat=True))


def _stop_button(chat: Chat, run: Run) -> outbox.Keyboard:
    once = f"stop:{run.id}"
    action: outbox.Action = {"do": "stop", "thread": str(run.thread_id), "run": str(run.id)}
    known = chat.buttons.filter(once=once).first()
    if known is not None:
        return [[{"text": "Stop", "token": known.token.hex}]]
    return [[outbox.button(chat, "Stop", action, once=once)]]


def _keep(chat: Chat, run: Run, telegram_id: int) -> None:
    """Know the growing message: the answer takes its place."""
    with transaction.atomic():
        Shown.objects.update_or_create(
            chat=chat,
            key=outbox.answer_key(run.answer_id),
            part=0,
            defaults={
                "telegram_id": telegram_id,
                "whole": False,
                "message": run.answer_id,
                "thread": run.thread_id,
            },
        )
