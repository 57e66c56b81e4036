"""Telegram's Bot API, as far as the bot uses it: python-telegram-bot below, our errors above.

ApiError
├── Flood      too fast; `seconds` says when to come again
├── Away       no connection, or Telegram is in trouble: try again later
├── Refused    nothing can be sent there any more: blocked, put out, no right to write
├── Rejected   this one can't be done; `reason` is Telegram's word for it
├── Migrated   the chat has another id now
└── BadToken   the token is wrong or was taken back, or there is no such method
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

os.environ.setdefault("PTB_TIMEDELTA", "true")  # times are times, in every version to come

from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    error,
)
from telegram.constants import ChatAction, ParseMode
from telegram.request import HTTPXRequest

from telegram_bot.letters import Outgoing
from telegram_bot.models import Chat
from telegram_bot.outbox import Keyboard
from telegram_bot.wire import WANTED

POLL_SECONDS = 25
ANSWER_SECONDS = 20.0
CONNECTIONS = 64
GENERAL = 1  # the topic of a forum that messages name by leaving it out
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
NO_RIGHT = ("chat not found", "not enough rights", "have no rights", "need administrator rights")


class ApiError(Exception):
    """Base of what goes wrong at Telegram's."""


class Flood(ApiError):
    """Too fast."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Come again in {seconds:.0f} s.")
        self.seconds = seconds


class Away(ApiError):
    """Nobody answers, or not well."""


class Refused(ApiError):
    """Nothing can be sent there any more."""


class Rejected(ApiError):
    """Telegram does not do this."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason.lower()


class Migrated(ApiError):
    """The chat has another id now."""

    def __init__(self, chat_id: int) -> None:
        super().__init__(f"The chat is {chat_id} now.")
        self.chat_id = chat_id


class BadToken(ApiError):
    """The token is wrong, or there is no such method."""


class Api:
    """One bot at Telegram's."""

    def __init__(self, token: str) -> None:
        """Make a client.

        Args:
            token: The bot's.
        """
        times: dict[str, Any] = {"connect_timeout": 10, "write_timeout": 20, "pool_timeout": 10}
        self._requests = (
            HTTPXRequest(connection_pool_size=2, read_timeout=POLL_SECONDS + 10, **times),
            HTTPXRequest(connection_pool_size=CONNECTIONS, read_timeout=ANSWER_SECONDS, **times),
        )
        self._bot = Bot(
            token,
            base_url=f"{settings.TELEGRAM_API_URL}/bot",
            base_file_url=f"{settings.TELEGRAM_API_URL}/file/bot",
            get_updates_request=self._requests[0],
            request=self._requests[1],
        )

    async def close(self) -> None:
        """Close all connections."""
        for each in self._requests:
            await each.shutdown()

    async def me(self) -> tuple[int, str]:
        """Return the bot's id and its user name."""
        with our_errors():
            user = await self._bot.get_me()
        return user.id, user.username or ""

    async def updates(self, offset: int | None) -> list[dict[str, Any]]:
        """Wait for updates; those before `offset` are done with."""
        asked = {"timeout": POLL_SECONDS, "allowed_updates": json.dumps(WANTED)}
        query = urlencode(asked if offset is None else asked | {"offset": offset})
        with our_errors():  # as it comes: one update that the library can't read would stop all
            found: Any = await self._requests[0].post(f"{self._bot.base_url}/getUpdates?{query}")
        return [each for each in found if isinstance(each, dict) and "update_id" in each]

    async def use_polling(self) -> None:
        """Have updates kept for who asks; what waits stays."""
        with our_errors():
            await self._bot.delete_webhook(drop_pending_updates=False)

    async def use_webhook(self, url: str, secret: str) -> None:
        """Have updates sent to an address, with a secret."""
        with our_errors():
            await self._bot.set_webhook(url, secret_token=secret, allowed_updates=WANTED)

    async def offer_commands(self, commands: dict[str, str]) -> None:
        """Register the menu of commands."""
        with our_errors():
            await self._bot.set_my_commands([BotCommand(*each) for each in commands.items()])

    async def send(
        self, chat: Chat, html: str, *, buttons: Keyboard, silent: bool = False, plain: bool = False
    ) -> int:
        """Send a message; return its id."""
        with our_errors():
            sent = await self._bot.send_message(
                chat.chat_id,
                html,
                parse_mode=None if plain else ParseMode.HTML,
                message_thread_id=chat.topic or None,
                reply_markup=_markup(buttons),
                disable_notification=silent,
                link_preview_options=NO_PREVIEW,
            )
        return sent.message_id

    async def edit(
        self, chat: Chat, telegram_id: int, html: str, *, buttons: Keyboard, plain: bool = False
    ) -> None:
        """Change a message; one that reads like that already is left as it is."""
        try:
            with our_errors():
                await self._bot.edit_message_text(
                    html,
                    chat.chat_id,
                    telegram_id,
                    parse_mode=None if plain else ParseMode.HTML,
                    reply_markup=_markup(buttons),
                    link_preview_options=NO_PREVIEW,
                )
        except Rejected as rejected:
            if "not modified" not in rejected.reason:
                raise

    async def delete(self, chat: Chat, telegram_id: int) -> None:
        """Take a message away."""
        with our_errors():
            await self._bot.delete_message(chat.chat_id, telegram_id)

    async def draft(self, chat: Chat, draft_id: int, html: str) -> None:
        """Show how a message grows, with a stop button; for 30 seconds."""
        with our_errors():
            await self._bot.send_message_draft(
                chat.chat_id,
                draft_id,
                html,
                message_thread_id=chat.topic or None,
                parse_mode=ParseMode.HTML,
                api_kwargs={"can_stop": True},
            )

    async def typing(self, chat: Chat) -> None:
        """Show that somebody is at work; for five seconds."""
        topic = chat.topic or (GENERAL if chat.forum and not chat.private else None)
        with our_errors():
            await self._bot.send_chat_action(
                chat.chat_id, ChatAction.TYPING, message_thread_id=topic
            )

    async def answer(self, press: str, toast: str) -> None:
        """Tell Telegram that a press was taken."""
        with our_errors():
            await self._bot.answer_callback_query(press, toast or None)

    async def download(self, file_id: str) -> bytes:
        """Return the content of a file that somebody has sent."""
        with our_errors():
            file = await self._bot.get_file(file_id)
            return bytes(await file.download_as_bytearray())

    async def send_file(self, chat: Chat, file: Outgoing, *, silent: bool = False) -> int:
        """Send a file, an image as such; return the message's id."""
        options: dict[str, Any] = {
            "caption": file.caption or None,
            "parse_mode": ParseMode.HTML,
            "message_thread_id": chat.topic or None,
            "disable_notification": silent,
        }
        with our_errors():
            if file.is_image:
                sent = await self._bot.send_photo(
                    chat.chat_id, file.content, filename=file.name, **options
                )
            else:
                sent = await self._bot.send_document(
                    chat.chat_id, file.content, filename=file.name, **options
                )
        return sent.message_id

    async def create_topic(self, chat: Chat, name: str) -> int:
        """Make a topic in a forum; return its id."""
        with our_errors():
            made = await self._bot.create_forum_topic(chat.chat_id, name[:128])
        return made.message_thread_id


@contextmanager
def our_errors() -> Iterator[None]:
    """Turn the errors of the library into ours."""
    try:
        yield
    except error.RetryAfter as problem:
        after = problem.retry_after
        raise Flood(after if isinstance(after, int) else after.total_seconds()) from problem
    except error.ChatMigrated as problem:
        raise Migrated(problem.new_chat_id) from problem
    except error.Forbidden as problem:
        raise Refused(_told(problem)) from problem
    except error.InvalidToken as problem:
        raise BadToken(_told(problem)) from problem
    except error.BadRequest as problem:
        if any(each in problem.message.lower() for each in NO_RIGHT):
            raise Refused(_told(problem)) from problem
        raise Rejected(_told(problem)) from problem
    except error.TelegramError as problem:
        raise Away(_told(problem)) from problem


def _told(problem: error.TelegramError) -> str:
    """Return what the library says, without the token that may stand in an address."""
    token = settings.TELEGRAM_BOT_TOKEN
    return problem.message.replace(token, "<token>") if token else problem.message


def _markup(buttons: Keyboard) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(each["text"], callback_data=each["token"]) for each in row]
            for row in buttons
        ]
    )
