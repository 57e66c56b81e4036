"""Sends posts: in order for each chat, each part once, as fast as Telegram lets us.

What was sent is written down with its id in Telegram, part by part; a bot that begins anew goes
on behind that. Between Telegram's taking a message and its saying so lies a moment in which a
process can die: then this one part is sent again, rather than never.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from django.db import DatabaseError

from telegram_bot import formatting, letters, posts
from telegram_bot.api import Api, Away, BadToken, Flood, Migrated, Refused, Rejected
from telegram_bot.jottings import jot, jotted, strike
from telegram_bot.letters import Letter, Outgoing
from telegram_bot.models import Chat, Post, Shown, migrate
from telegram_bot.offload import in_thread
from telegram_bot.outbox import Keyboard
from telegram_bot.pace import Pace

TOPIC_GONE = ("thread not found", "topic_deleted", "topic_closed", "topic_id_invalid")
NOT_THERE = ("message to edit not found", "can't be edited", "message_id_invalid")

BeforeSending = Callable[[Chat, str], Awaitable[None]]

logger = structlog.get_logger(__name__)


class _Part(NamedTuple):
    """One message of a letter."""

    html: str
    buttons: Keyboard
    silent: bool


class Sender:
    """Sends what waits for a chat."""

    def __init__(self, api: Api, pace: Pace, *, before: BeforeSending) -> None:
        """Make a sender.

        Args:
            api: Telegram.
            pace: How fast it may be asked.
            before: Called with a chat and what is about to be shown there: it may be growing.
        """
        self._api = api
        self._pace = pace
        self._before = before

    async def send_all(self, chat: int) -> None:
        """Send what waits for a chat, in order, until something has to wait."""
        while (post := await in_thread(posts.first_of)(chat)) is not None:
            if not await self._tried(post):
                return

    async def _tried(self, post: Post) -> bool:
        """Try to send a post; tell whether the next one may be tried."""
        try:
            await self._send(post)
        except Flood as flood:
            logger.warning("telegram_flood", chat=post.chat.pk, seconds=flood.seconds)
            self._pace.pause(post.chat.chat_id, flood.seconds, group=not post.chat.private)
            await in_thread(posts.wait)(post, flood.seconds)
            return False
        except Away as away:
            await in_thread(posts.try_later)(post, str(away))
            return False
        except Refused as refused:
            await in_thread(posts.refuse)(post.chat, str(refused))
        except Migrated as migrated:
            await in_thread(migrate)(post.chat.chat_id, migrated.chat_id)
        except Rejected as rejected:
            logger.warning("post_rejected", post=post.pk, reason=rejected.reason)
            await in_thread(posts.fail)(post, rejected.reason)
        except (DatabaseError, BadToken):
            raise
        except Exception as error:
            logger.exception("post_failed", post=post.pk)
            return await in_thread(posts.stumble)(post, type(error).__name__)
        return True

    async def _send(self, post: Post) -> None:
        if post.kind == Post.Kind.TOPIC:
            await self._open_topic(post)
            return
        if post.kind == Post.Kind.FILE:
            await self._send_file(post)
            return
        letter = await in_thread(letters.of)(post)
        if letter is None:
            await in_thread(posts.end)(post)
            return
        await self._before(post.chat, letter.instead_of or letter.key)
        shown = await in_thread(posts.shown_of)(post.chat, letter)
        ids = [
            await self._part(post, letter, number, row=shown.get(number))
            for number in range(len(letter.parts))
        ]
        for number, extra in shown.items():
            if number >= len(letter.parts):
                await self._take_away(post.chat, extra)
        await in_thread(posts.end)(post, letter, tuple(ids))

    async def _part(self, post: Post, letter: Letter, number: int, *, row: Shown | None) -> int:
        """Have one part stand in the chat, and return its id there."""
        if row is not None and row.whole and not letter.edits:
            return row.telegram_id  # from before this process
        chat, key = post.chat, letter.key
        target = row.telegram_id if row else (letter.target if number == 0 else None)
        if target is None and (sent := await jotted(chat, key, number)) is not None:
            await in_thread(posts.keep)(chat, letter, number, telegram_id=sent)
            await strike(chat, key, number)
            return sent  # by a process that died before it could note it
        part = _Part(
            html=letter.parts[number],
            buttons=letter.buttons if number == len(letter.parts) - 1 else [],
            silent=letter.silent or number > 0,
        )
        await self._turn(chat)
        if target is None or not await self._edited(chat, target, part):
            target = await self._sent(post, part)
            await jot(chat, key, number, telegram_id=target)
        await in_thread(posts.keep)(chat, letter, number, telegram_id=target)
        await strike(chat, key, number)
        return target

    async def _turn(self, chat: Chat) -> None:
        """Wait for this chat's turn."""
        group = not chat.private
        seconds = self._pace.wait(chat.chat_id, group=group)
        while seconds > 0:
            await asyncio.sleep(seconds)
            seconds = self._pace.wait(chat.chat_id, group=group)
        self._pace.take(chat.chat_id, group=group)

    async def _edited(self, chat: Chat, target: int, part: _Part) -> bool:
        """Change a message; tell whether it was there to be changed."""
        try:
            await self._api.edit(chat, target, part.html, buttons=part.buttons)
        except Rejected as rejected:
            if any(each in rejected.reason for each in NOT_THERE):
                return False
            if "parse" not in rejected.reason:
                raise
            text = formatting.without_tags(part.html)
            await self._api.edit(chat, target, text, buttons=part.buttons, plain=True)
        return True

    async def _sent(self, post: Post, part: _Part) -> int:
        """Send a message: where its topic is gone, beside it; where tags are refused, bare."""
        chat = post.chat
        try:
            return await self._api.send(chat, part.html, buttons=part.buttons, silent=part.silent)
        except Rejected as rejected:
            if chat.topic and any(each in rejected.reason for each in TOPIC_GONE):
                beside = Chat(chat_id=chat.chat_id, kind=chat.kind)
                head = await in_thread(letters.heading)(post.thread, beside)
                return await self._api.send(
                    beside, head + part.html, buttons=part.buttons, silent=part.silent
                )
            if "parse" not in rejected.reason:
                raise
            logger.warning("post_without_tags", post=post.pk, reason=rejected.reason)
            text = formatting.without_tags(part.html)
            return await self._api.send(
                chat, text, buttons=part.buttons, silent=part.silent, plain=True
            )

    async def _take_away(self, chat: Chat, row: Shown) -> None:
        await self._turn(chat)
        try:
            await self._api.delete(chat, row.telegram_id)
        except Rejected as rejected:
            logger.info("not_deleted", reason=rejected.reason)
        await in_thread(row.delete)()

    async def _send_file(self, post: Post) -> None:
        """Send a file; an image that is not taken as one, as a document."""
        file = await in_thread(letters.file_of)(post)
        if file is None:
            await in_thread(posts.end)(post)
            return
        chat, letter = post.chat, Letter(post.key, [], thread=post.thread)
        sent = await jotted(chat, post.key, 0)
        if sent is None:
            await self._turn(chat)
            sent = await self._file_sent(post, file)
            await jot(chat, post.key, 0, telegram_id=sent)
        await in_thread(posts.keep)(chat, letter, 0, telegram_id=sent)
        await strike(chat, post.key, 0)
        await in_thread(posts.end)(post)

    async def _file_sent(self, post: Post, file: Outgoing) -> int:
        silent = bool(post.data.get("silent"))
        try:
            return await self._api.send_file(post.chat, file, silent=silent)
        except Rejected:
            if not file.is_image:
                raise
            document = file._replace(is_image=False)
            return await self._api.send_file(post.chat, document, silent=silent)

    async def _open_topic(self, post: Post) -> None:
        """Open a topic for a thread; where that is not allowed, the thread goes on right here."""
        await self._turn(post.chat)
        try:
            topic = await self._api.create_topic(post.chat, post.data["title"])
        except (Rejected, Refused):
            topic = post.chat.topic
        await in_thread(posts.go_on_in_topic)(post, topic)
