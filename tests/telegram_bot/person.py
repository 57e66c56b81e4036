"""Somebody in Telegram, without a network: updates go in, posts are read as they would be shown."""

from typing import Any

from chat.models import Thread
from telegram_bot import inbox, letters
from telegram_bot.handlers.talk import Arrived, Outcome
from telegram_bot.models import Button, Chat, Post, Shown
from tests.support.bot_api import USERNAME, BotApi
from tests.support.telegram_html import text_of

Json = dict[str, Any]
TELEGRAM = BotApi()  # it numbers what everybody does


class Person:
    """Who writes to the bot, in one chat."""

    def __init__(self, *, number: int = 7, chat: int = 7) -> None:
        self.number = number
        self.chat = chat
        self._api = TELEGRAM
        self._read = 0

    def write(self, text: str = "", *, files: Arrived | None = None, **more: Any) -> Outcome:
        """Write something, and have it handled."""
        return self.happen(message=self.message(text, **more), files=files)

    def message(self, text: str = "", **more: Any) -> Json:
        """Make a message, without sending it."""
        return self._api.message(text, chat=self.chat, sender=self.number) | more

    def happen(self, *, files: Arrived | None = None, **update: Any) -> Outcome:
        """Have an update come in, and be handled."""
        return self.come(self._api.push(**update), files=files, **update)

    def come(self, number: int, *, files: Arrived | None = None, **update: Any) -> Outcome:
        """Have an update of this id come in, and be handled."""
        inbox.keep([{"update_id": number, **update}])
        _, outcome = inbox.handle(number, me=USERNAME, arrived=files or Arrived())
        return outcome

    def press(self, label: str, *, number: int | None = None) -> Outcome:
        """Press the newest button of this label."""
        posts = Post.objects.filter(chat__chat_id=self.chat).order_by("-id")
        tokens = [
            each["token"]
            for post in posts
            for row in post.data.get("buttons") or []
            for each in row
            if each["text"] == label
        ]
        who = {"id": number or self.number, "is_bot": False, "first_name": "Ada"}
        query = {"id": "1", "from": who, "data": tokens[0], "message": self.message()}
        return self.happen(callback_query=query)

    def read(self) -> list[str]:
        """Return what has been written to this chat since it was last read."""
        found = Post.objects.filter(chat__chat_id=self.chat, id__gt=self._read)
        told: list[str] = []
        for post in found.select_related("chat"):
            self._read = post.pk
            letter = None if post.kind in {"file", "topic"} else letters.of(post)
            told.append("".join(map(text_of, letter.parts)) if letter else f"[{post.kind}]")
        return told

    @property
    def row(self) -> Chat:
        """The chat's row."""
        return Chat.objects.get(chat_id=self.chat, topic=0)

    @property
    def thread(self) -> Thread:
        """What goes on in the chat."""
        found = self.row.thread
        assert found is not None
        return Thread.objects.get(id=found)

    def stands(self, key: str, *, telegram_id: int) -> None:
        """Have something stand in the chat, as if it had been sent."""
        Shown.objects.create(chat=self.row, key=key, telegram_id=telegram_id)

    def buttons(self) -> int:
        """Count the buttons that were made here."""
        return Button.objects.filter(chat__chat_id=self.chat).count()
