"""What a post looks like: its messages, its buttons, and what it takes the place of."""

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from chat.models import Attachment, Message, Thread
from telegram_bot import formatting
from telegram_bot.formatting import Block, Run, escape
from telegram_bot.models import Chat, Post
from telegram_bot.outbox import Keyboard, answer_key

MOST_ARGUMENTS = 2_500
MOST_LINE = 300
MOST_CAPTION = 900
MOST_PHOTO_BYTES = 10_000_000  # Telegram takes larger images as documents only
PHOTOS = frozenset({"image/jpeg", "image/png", "image/webp"})
HOW_IT_ENDED = {"stopped": "\n\n*Stopped here.*", "failed": "\n\n*Here it broke off.*"}
FROM = {"web": "on the page", "api": "by a program", "telegram": "elsewhere in Telegram"}


class Outgoing(NamedTuple):
    """A file to send. `caption` is Telegram's HTML."""

    name: str
    content: bytes
    is_image: bool
    caption: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent.

    Attributes:
        key: What it is known by once it is shown.
        parts: Messages, in Telegram's HTML.
        buttons: What stands below the last one.
        edits: Whether it changes what is shown already.
        silent: Whether nobody's phone rings.
        target: The message of Telegram's that it takes the place of.
        instead_of: The key of what may be shown as its beginning.
        message: Our message that it shows.
        thread: The thread that it is of.
    """

    key: str
    parts: list[str]
    buttons: Keyboard = field(default_factory=list)
    edits: bool = False
    silent: bool = False
    target: int | None = None
    instead_of: str | None = None
    message: UUID | None = None
    thread: UUID | None = None


def of(post: Post) -> Letter | None:
    """Return what is sent of a post; None if what it tells of is gone."""
    match post.kind:
        case Post.Kind.ANSWER:
            return _answer(post)
        case Post.Kind.SAID:
            return _said(post)
        case Post.Kind.ASK:
            return Letter(post.key, _asked(post), buttons=post.data["buttons"], thread=post.thread)
        case Post.Kind.SETTLED:
            return _settled(post)
        case _:
            return _reply(post)


def file_of(post: Post) -> Outgoing | None:
    """Return the file of a post; None if it was deleted."""
    found = Attachment.objects.filter(id=post.data["file"]).first()
    if found is None:
        return None
    caption = formatting.shortened(post.data.get("caption", ""), MOST_CAPTION)
    photo = found.media_type in PHOTOS and found.size <= MOST_PHOTO_BYTES
    return Outgoing(found.name, bytes(found.content), photo, escape(caption))


def heading(thread: UUID | None, chat: Chat) -> str:
    """Return a line that names a thread where another one goes on; empty in its own chat."""
    if thread is None or chat.thread == thread:
        return ""
    return f"<i>{escape(title_of(Thread.objects.filter(id=thread).first()))}</i>\n\n"


def title_of(thread: Thread | None) -> str:
    """Return what a thread is called in a line."""
    return formatting.shortened(thread.title or "New thread", 60) if thread else "A thread"


def _answer(post: Post) -> Letter | None:
    message = Message.objects.filter(id=post.data["message"]).first()
    if message is None:
        return None
    head = heading(message.thread_id, post.chat)
    text = message.content + HOW_IT_ENDED.get(message.finish, "")
    limit = formatting.LIMIT - formatting.units(head)
    parts = formatting.messages(text, limit=limit) or ["<i>(an empty answer)</i>"]
    return Letter(
        answer_key(message.id),
        [head + parts[0], *parts[1:]],
        edits=bool(post.data.get("edits")),
        message=message.id,
        thread=message.thread_id,
    )


def _said(post: Post) -> Letter | None:
    message = Message.objects.filter(id=post.data["message"]).first()
    if message is None:
        return None
    where = FROM.get(message.channel, f"by {message.channel}")
    told = [
        Block((Run(f"You, {where}:", ("i",)),)),
        Block((Run(message.content, ("blockquote",)),), tight=True),
    ]
    return Letter(
        post.key,
        formatting.packed(told),
        silent=True,
        message=message.id,
        thread=message.thread_id,
    )


def _asked(post: Post) -> list[str]:
    data = post.data
    head = heading(post.thread, post.chat)
    if "question" in data:
        told = formatting.messages(f"❓ {data['question']}", limit=formatting.LIMIT - 200)
        return (
            [head + told[0], *told[1:-1], f"{told[-1]}\n\n<i>Answer with a message.</i>"]
            if (len(told) > 1)
            else [f"{head}{told[0]}\n\n<i>Answer with a message.</i>"]
        )
    arguments = json.dumps(data["arguments"], ensure_ascii=False, indent=1)
    shown = escape(formatting.shortened(arguments, MOST_ARGUMENTS // 2))
    name = escape(data["name"])
    return [f"{head}🔐 May <code>{name}</code> be called?\n<pre>{shown}</pre>"]


def _settled(post: Post) -> Letter | None:
    """Return what was asked, with how it was decided and without its buttons."""
    asked = Post.objects.select_related("chat").filter(chat=post.chat, key=post.data["of"]).first()
    letter = of(asked) if asked else None
    if letter is None:
        return None
    line = escape(formatting.shortened(post.data["line"], MOST_LINE))
    last = letter.parts[-1].removesuffix("\n\n<i>Answer with a message.</i>")
    parts = [*letter.parts[:-1], f"{last}\n\n<i>{line}</i>"]
    return Letter(letter.key, parts, edits=True, thread=post.thread)


def _reply(post: Post) -> Letter:
    data: dict[str, Any] = post.data
    parts = formatting.messages(data["markdown"]) if "markdown" in data else [data["html"]]
    return Letter(
        post.key,
        parts or ["…"],
        buttons=data.get("buttons") or [],
        edits="target" in data,
        target=data.get("target"),
        instead_of=data.get("instead_of"),
        thread=post.thread,
    )
