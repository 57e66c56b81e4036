"""One update, as its handlers see it: where it is, who it is from, and how to answer."""

from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from chat import gateway, selectors
from chat.errors import NoSuchThread, NotYours
from chat.models import Thread, User
from telegram_bot import outbox
from telegram_bot.models import Account, Chat, Post, Shown
from telegram_bot.outbox import Keyboard


@dataclass(slots=True)
class Arrived:
    """What came with a message: files, what was heard, and why something was not taken."""

    files: list[UUID] = field(default_factory=list)
    heard: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Outcome:
    """What is left to do once an update is handled.

    Attributes:
        toast: What is shown for a moment to who has pressed a button.
        runs: The runs that have begun: they are watched.
    """

    toast: str = ""
    runs: list[UUID] = field(default_factory=list)


@dataclass(slots=True)
class Talk:
    """An update of a linked account. Everything that it leads to has ids made from its own."""

    update: int
    chat: Chat
    account: Account
    arrived: Arrived = field(default_factory=Arrived)
    outcome: Outcome = field(default_factory=Outcome)
    _said: int = 0

    @property
    def user(self) -> User:
        """Who the account stands for."""
        return self.account.user

    @property
    def actor(self) -> str:
        """The same, as events name them."""
        return f"user:{self.account.user_id}"

    def id(self, name: str) -> UUID:
        """Return the id of something that this update leads to: the same if it comes again."""
        return uuid5(NAMESPACE_URL, f"telegram:{self.update}:{name}")

    def say(self, html: str, *, buttons: Keyboard | None = None, target: int | None = None) -> None:
        """Answer, or change a message of the bot's (`target`)."""
        self._said += 1
        data: dict[str, Any] = {"html": html}
        if buttons:
            data["buttons"] = buttons
        if target is not None:
            data["target"] = target
        key = f"update:{self.update}:{self._said}"
        outbox.write([self.chat], kind=Post.Kind.REPLY, key=key, thread=self.chat.thread, **data)

    def thread(self) -> Thread | None:
        """Return what goes on in this chat, if it is still there and theirs."""
        if self.chat.thread is None:
            return None
        try:
            return selectors.thread_for(self.user, self.chat.thread)
        except (NoSuchThread, NotYours):
            self.go_on_in(None)
            return None

    def thread_or_new(self) -> Thread:
        """Return what goes on in this chat; a new thread if nothing does."""
        return self.thread() or self.begin()

    def begin(self) -> Thread:
        """Begin a thread, and have this chat go on in it.

        Raises:
            NoSuchAgent: The agent that was chosen here is not there any more.
        """
        thread = gateway.start(
            owner=self.user,
            agent=self.chat.agent or None,
            actor=self.actor,
            thread_id=self.id("thread"),
        )
        self.go_on_in(thread.id)
        return thread

    def go_on_in(self, thread: UUID | None) -> None:
        """Have this chat go on in a thread."""
        self.chat.thread = thread
        self.chat.save(update_fields=["thread"])

    def shown(self, telegram_id: int) -> Shown | None:
        """Return what a message of this chat shows, if that is known."""
        return Shown.objects.filter(chat=self.chat, telegram_id=telegram_id).first()
