"""`manage.py telegram`: the bot, as a process of its own."""

import os
import signal
from types import FrameType
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from agents import loop
from agents.cancellation import Cancellation
from telegram_bot import bot
from telegram_bot.identity import SEEN
from tracer import live


class Command(BaseCommand):
    """Be the bot until SIGTERM or Ctrl-C."""

    help = "Run the Telegram bot. `up` does so by itself if TELEGRAM_BOT_TOKEN is set."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TELEGRAM_BOT_TOKEN:
            msg = "TELEGRAM_BOT_TOKEN is not set. @BotFather gives you a token."
            raise CommandError(msg)
        ending = Cancellation()

        def end(_: int, __: FrameType | None) -> None:
            ending.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        try:
            _leave_mark()
        except redis.RedisError as error:
            msg = f"The Redis of REDIS_URL does not answer: {error}."
            raise CommandError(msg) from error
        loop.wait(bot.run(settings.TELEGRAM_BOT_TOKEN, ending=ending))


def _leave_mark() -> None:
    """Leave a sign for the supervisor that the bot has come up."""
    if mark := os.environ.get("PARLEY_BOT_MARK"):
        live.connection().set(SEEN, mark)
