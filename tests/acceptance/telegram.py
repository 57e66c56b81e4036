"""A person with Telegram on their phone, and a Parley with a bot."""

import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.bot_api import TOKEN, BotApi
from tests.support.installation import Installation, wait_until

Json = dict[str, Any]
PATIENCE_SECONDS = 20
OPEN = """
    SELECT (SELECT count(*) FROM telegram_bot_incoming WHERE handled_at IS NULL)
        + (SELECT count(*) FROM chat_run WHERE state IN ('queued', 'running'))
        + (SELECT count(*) FROM telegram_bot_post WHERE state = 'waiting')
"""
CODE = (
    "from chat import credentials; from telegram_bot import links; "
    "print(links.make_code(credentials.owner()))"
)


def settings(api: str, models: str) -> dict[str, str]:
    """Return the settings of a Parley with a bot, and with a model that does as it is told."""
    return {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": api,
        "OPENAI_BASE_URL": models,
        "LLM_RETRIES": "0",
        "LLM_FIRST_TOKEN_SECONDS": "3",
        "LLM_BETWEEN_TOKENS_SECONDS": "3",
        "THREAD_TITLES": "false",
    }


class Phone:
    """What one person does in one chat, and what they see there."""

    def __init__(
        self, parley: Installation, api: BotApi, *, chat: int = 7, sender: int = 7
    ) -> None:
        self.parley = parley
        self.api = api
        self.chat = chat
        self.sender = sender

    def link(self) -> None:
        """Link the account with the owner."""
        made = self.parley.command("shell", "-c", CODE)
        assert made.returncode == 0, made.stderr
        code = made.stdout.split()[-1]
        self.say(f"/start {code}")
        self.sees("Hello owner")

    def say(self, text: str, **more: Any) -> Json:
        """Write something."""
        message = self.api.message(text, chat=self.chat, sender=self.sender) | more
        self.api.push(message=message)
        return message

    @property
    def texts(self) -> list[str]:
        """What stands in the chat."""
        return self.api.texts(self.chat)

    @property
    def messages(self) -> list[Json]:
        """The messages that stand in the chat."""
        return list(self.api.shown[self.chat].values())

    def sees(self, text: str, *, seconds: float = PATIENCE_SECONDS) -> Json:
        """Wait until something is read in a message; return the last such message."""
        self._until(lambda: any(text in each for each in self.texts), text, seconds)
        return [each for each in self.messages if text in each["plain"]][-1]

    def count(self, text: str) -> int:
        """Return how many messages have something in them."""
        return sum(text in each for each in self.texts)

    def falls_quiet(self) -> None:
        """Wait until nothing is under way, and nothing waits to be sent."""
        address = f"file:{self.parley.folder / 'parley.sqlite3'}?mode=ro"

        def is_quiet() -> bool:
            with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
                return bool(database.execute(OPEN).fetchone() == (0,))

        self._until(is_quiet, "quiet", PATIENCE_SECONDS)

    def press(self, message: Json, label: str) -> None:
        """Press a button below a message."""
        self.api.press(message, label, sender=self.sender)

    def _until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        try:
            wait_until(condition, seconds=seconds, what=repr(what))
        except AssertionError as error:
            log = "\n".join(self.parley.lines[-15:])
            told = f"{error}; there is: {self.texts}\n{log}"
            raise AssertionError(told) from error


def threads(client: httpx.Client) -> list[Json]:
    """Return the owner's threads, the last used first."""
    found: list[Json] = client.get("/threads").json()["items"]
    return found


def said(client: httpx.Client, thread: str) -> list[tuple[str, str]]:
    """Return what was said in a thread: the role and the text of each message."""
    items = client.get(f"/threads/{thread}/messages", params={"limit": 100}).json()["items"]
    return [(each["role"], each["content"]) for each in items]
