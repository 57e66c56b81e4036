"""The bot: one process that takes updates in, handles them, sends, and shows what goes on.

Only one process is the bot at a time, by a lease; another one waits until that is free.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from functools import partial

import redis
import structlog
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.utils import timezone

from agents.cancellation import Cancellation
from chat import leases
from telegram_bot import inbox, outbox, posts
from telegram_bot.api import Api, ApiError, Away, BadToken, Flood
from telegram_bot.arrivals import fetch
from telegram_bot.handlers.commands import COMMANDS
from telegram_bot.handlers.talk import Arrived
from telegram_bot.identity import Identity, tell, webhook_address, webhook_secret
from telegram_bot.lanes import Lanes
from telegram_bot.offload import in_thread
from telegram_bot.pace import Pace
from telegram_bot.sender import Sender
from telegram_bot.watching import Watches
from telegram_bot.wire import Update
from tracer import live

LEASE = "telegram:bot"
RENEW_SECONDS = 0.75
LOOK_SECONDS = 1.0
TROUBLE_SECONDS = 2.0
BAD_TOKEN_SECONDS = 30.0
FILE_SECONDS = 300.0  # how long a file is tried for, before its message goes without it
NOT_FETCHED = "The file could not be fetched from Telegram."
FORGET_EVERY = timedelta(hours=1)

Work = Callable[[], Coroutine[None, None, None]]

logger = structlog.get_logger(__name__)


class LeaseGone(Exception):
    """Another process is the bot by now."""


async def run(token: str, *, ending: Cancellation) -> None:
    """Be the bot until it is told to end.

    Args:
        token: The bot's.
        ending: Set when the process is to end.
    """
    being, running = asyncio.ensure_future(_be(token)), asyncio.get_running_loop()
    ending.on_cancel(lambda: running.call_soon_threadsafe(being.cancel))
    with suppress(asyncio.CancelledError):
        await being


async def _be(token: str) -> None:
    while True:
        lease = await _lease()
        try:
            async with _Bot(token) as bot:
                await bot.work(lease)
        except BadToken as error:
            logger.error("telegram_token_refused", told=str(error), setting="TELEGRAM_BOT_TOKEN")  # noqa: TRY400  (no traceback: it says all)
            await asyncio.sleep(BAD_TOKEN_SECONDS)
        except (ApiError, DatabaseTrouble, redis.RedisError, OSError, LeaseGone) as error:
            logger.warning("bot_interrupted", error=f"{type(error).__name__}: {error}")
            await asyncio.sleep(TROUBLE_SECONDS)
        except Exception:
            logger.exception("bot_failed")
            await asyncio.sleep(TROUBLE_SECONDS)
        finally:
            with suppress(DatabaseTrouble):
                await in_thread(leases.release)(lease)


async def _lease() -> leases.Held:
    """Wait until no other process is the bot."""
    told = False
    while True:
        with suppress(DatabaseTrouble):
            if taken := await in_thread(leases.acquire)(LEASE):
                return taken
            if not told:
                logger.info("another_process_is_the_bot")
                told = True
        await asyncio.sleep(RENEW_SECONDS)


class _Bot:
    """The bot, from one trouble to the next."""

    def __init__(self, token: str) -> None:
        self._api = Api(token)
        self._pace = Pace()
        self._me = ""
        self._watches = Watches(self._api, self._pace)
        self._sender = Sender(self._api, self._pace, before=self._watches.end)
        self._sending = Lanes(self._sender.send_all)
        self._handling = Lanes(self._handle_all)
        self._looked_back = timezone.now()

    async def __aenter__(self) -> "_Bot":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._handling.close()
        await self._watches.close()
        await self._sending.close()
        await self._api.close()

    async def work(self, lease: leases.Held) -> None:
        """Do all that a bot does, until something goes wrong.

        Raises:
            LeaseGone: Another process is the bot by now.
            BadToken, Away: Telegram says so.
        """
        await together(partial(_keep, lease), self._work)

    async def _work(self) -> None:
        await self._introduce()
        await self._watches.begin_all()
        works: list[Work] = [self._look_at_updates, self._look_at_posts]
        await together(*works, *([] if settings.TELEGRAM_WEBHOOK_URL else [self._poll]))

    async def _introduce(self) -> None:
        """Learn who we are, say how updates come to us, and register the commands."""
        number, self._me = await self._api.me()
        await self._api.offer_commands({name: each.told for name, each in COMMANDS.items()})
        if settings.TELEGRAM_WEBHOOK_URL:
            await self._api.use_webhook(webhook_address(), webhook_secret())
        else:
            await self._api.use_polling()
        tell(Identity(id=number, username=self._me))
        logger.info("telegram_bot_ready", username=self._me)

    async def _poll(self) -> None:
        """Ask for updates, and keep them before Telegram may forget them."""
        offset: int | None = None
        while True:
            try:
                found = await self._api.updates(offset)
            except Flood as flood:
                await asyncio.sleep(flood.seconds)
                continue
            except Away as away:
                logger.warning("telegram_away", told=str(away))
                await asyncio.sleep(TROUBLE_SECONDS)
                continue
            if found:
                await in_thread(inbox.keep)(found)
                offset = max(each["update_id"] for each in found) + 1

    async def _look_at_updates(self) -> None:
        await self._look(inbox.HINT, inbox.chats, self._handling)

    async def _look_at_posts(self) -> None:
        await self._look(outbox.HINT, posts.chats_waiting, self._sending)

    async def _look(self, hint: str, find: Callable[[], list[int]], lanes: Lanes[int]) -> None:
        """Have chats seen to that have something to do: at a hint, and now and then anyway."""
        subscription = await live.hub().subscribe(hint)
        try:
            while True:
                lanes.see_to(await in_thread(find)())
                if failure := lanes.failure():
                    raise failure
                with suppress(TimeoutError):
                    await asyncio.wait_for(subscription.take(), LOOK_SECONDS)
                if timezone.now() - self._looked_back > FORGET_EVERY:
                    self._looked_back = timezone.now()
                    await in_thread(inbox.forget_old)()
        finally:
            live.hub().unsubscribe(subscription)

    async def _handle_all(self, chat: int) -> None:
        """Handle what has come in from a chat, in order, until something has to wait."""
        while (first := await in_thread(inbox.first_of)(chat)) is not None:
            try:
                arrived = await fetch(self._api, first.update) if first.update else Arrived()
            except (Flood, Away) as error:
                logger.warning("file_not_fetched", error=str(error))
                if first.age < FILE_SECONDS:
                    return
                arrived = Arrived(problems=[NOT_FETCHED])
            update, outcome = await in_thread(inbox.handle)(
                first.number, me=self._me, arrived=arrived
            )
            if update is None:
                return  # it was put aside, or is tried again in a while
            for each in outcome.runs:
                await self._watches.begin(each)
            await self._acknowledge(update, outcome.toast)

    async def _acknowledge(self, update: Update, toast: str) -> None:
        if update.callback_query is None:
            return
        try:
            await self._api.answer(update.callback_query.id, toast)
        except ApiError as error:
            logger.info("press_not_acknowledged", told=str(error))


async def together(*works: Work) -> None:
    """Do several things at once, none of which ends by itself; one that fails ends them all."""
    tasks = [asyncio.ensure_future(each()) for each in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(lease: leases.Held) -> None:
    """Renew the lease.

    Raises:
        LeaseGone: Another process has it.
    """
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            if not await in_thread(leases.renew)():
                raise LeaseGone(lease.stream)
        except DatabaseTrouble as error:
            logger.warning("lease_not_renewed", error=str(error))
