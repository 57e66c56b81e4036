"""Who may come in: linked people, in their own chats; strangers get one polite sentence."""

from dataclasses import dataclass

from telegram_bot import links, outbox
from telegram_bot.formatting import escape
from telegram_bot.handlers.talk import Talk
from telegram_bot.models import Chat, Post
from telegram_bot.wire import Message, Sender, Where

STRANGER = (
    "I only talk with people who have linked their account. If you are one of them: open Parley, "
    "go to Telegram, and send me the code that you get there."
)
BAD_CODE = "This code is used, too old, or wrong. Parley gives you a new one."
TOO_MANY = "Too many codes. Please wait a minute."
NOT_YOURS = "Somebody else's conversation goes on in this chat. Write to me in private."


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody has written, pressed or changed something."""

    update: int
    chat: Chat
    sender: Sender

    def refuse(self, sentence: str) -> None:
        """Say why not."""
        key = f"update:{self.update}:refused"
        outbox.write([self.chat], kind=Post.Kind.REPLY, key=key, html=escape(sentence))


def enter(visit: Visit) -> Talk | None:
    """Let somebody in who is linked; None, with a sentence, if they may not talk here."""
    account = links.account_of(visit.sender.id)
    chat = visit.chat
    if account is None:
        if links.may_tell_stranger(visit.sender.id):
            visit.refuse(STRANGER)
        return None
    if chat.account is not None and chat.account.user_id != account.user_id:
        visit.refuse(NOT_YOURS)
        return None
    if chat.account is None:
        chat.account = account
        chat.save(update_fields=["account"])
    return Talk(visit.update, chat, account)


def link(visit: Visit, code: str) -> Talk | None:
    """Link who sends a good code, and let them in."""
    if not links.may_try(visit.sender.id):
        visit.refuse(TOO_MANY)
        return None
    if links.redeem(code, visit.sender) is None:
        visit.refuse(BAD_CODE)
        return None
    visit.chat.refresh_from_db()  # they may have been linked with somebody else before
    return enter(visit)


def chat_of(where: Where, topic: int) -> Chat:
    """Return the row of a chat, as it is called now; who writes there can be written to."""
    chat, _ = Chat.objects.select_related("account__user").get_or_create(
        chat_id=where.id, topic=topic, defaults={"kind": where.type}
    )
    now = {
        "kind": where.type,
        "forum": where.is_forum,
        "title": where.title[:200],
        "refused": "",
    }
    if any(getattr(chat, name) != value for name, value in now.items()):
        for name, value in now.items():
            setattr(chat, name, value)
        chat.save(update_fields=list(now))
    return chat


def known_chat(message: Message) -> Chat | None:
    """Return the row of the chat that a message stands in, if there is one."""
    found = Chat.objects.select_related("account__user")
    return found.filter(chat_id=message.chat.id, topic=message.topic).first()
