"""What is to be shown in Telegram, written down with what it tells of. The bot sends it.

`note` is called with events in their transaction, in whichever process appends them: an answer
is never there without the post that brings it, and a process that dies loses nothing.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from pydantic import JsonValue

from agents.events import (
    FileSent,
    NoticeTold,
    QuestionAnswered,
    QuestionAsked,
    ToolApprovalRequested,
    ToolApproved,
    ToolDenied,
)
from agents.messages import Attached
from chat.events import MessageAdded, MessageEdited, RunCancelled, RunFailed, ThreadDeleted
from chat.models import Run
from telegram_bot.models import Button, Chat, Post, Shown
from tracer import live
from tracer.events import Event, Recorded

HINT = "telegram:posts"

Keyboard = list[list[dict[str, str]]]
Action = dict[str, JsonValue]


def write(
    chats: Iterable[Chat],
    *,
    kind: Post.Kind,
    key: str,
    thread: UUID | None = None,
    **data: Any,
) -> None:
    """Write a post for chats, once by its key; it is sent after the commit."""
    posts = [Post(chat=chat, kind=kind, key=key, thread=thread, data=data) for chat in chats]
    Post.objects.bulk_create(posts, ignore_conflicts=True)
    if posts:
        transaction.on_commit(partial(live.hint, HINT), robust=True)


def button(chat: Chat, label: str, action: Action, *, once: str = "") -> dict[str, str]:
    """Make a button; of those with the same `once`, one works, one time."""
    made = Button(token=uuid4(), chat=chat, action=action, once=once)
    made.save(force_insert=True)
    return {"text": label, "token": made.token.hex}


def answer_key(message: UUID) -> str:
    """Return the key of an answer's post, and of what it is shown as."""
    return f"answer:{message}"


def ask_key(run: UUID, call: str) -> str:
    """Return the key of the post of something that waits for the person."""
    return f"ask:{run}:{call}"[:200]


def note(thread: UUID, recorded: Sequence[Recorded]) -> None:
    """Write down what people in Telegram are to see of these events."""
    if not settings.TELEGRAM_BOT_TOKEN:
        return
    for entry in recorded:
        _Note(thread, entry).take(entry.event)


class _Note:
    """Writes down one event."""

    def __init__(self, thread: UUID, entry: Recorded) -> None:
        self.thread = thread
        self.entry = entry

    def take(self, event: Event) -> None:
        match event:
            case MessageAdded(role="user"):
                self._said(event)
            case MessageAdded():
                chats = self._chats(event.run)
                key = answer_key(event.message)
                self._write(chats, Post.Kind.ANSWER, key, message=str(event.message))
            case MessageEdited():
                self._edited(event)
            case FileSent():
                self._file(event.file, event.run, caption=event.caption)
            case NoticeTold():
                key = f"notice:{self.entry.id}"
                self._write(self._chats(event.run), Post.Kind.REPLY, key, markdown=event.content)
            case ThreadDeleted():
                self._deleted()
            case _:
                self._of_run(event)

    def _of_run(self, event: Event) -> None:
        match event:
            case RunFailed():
                self._failed(event)
            case RunCancelled(message=None):
                key = f"stopped:{event.run}"
                self._write(
                    self._chats(event.run),
                    Post.Kind.REPLY,
                    key,
                    html="<i>Stopped.</i>",
                    instead_of=self._growing(event.run),
                )
            case ToolApprovalRequested() | QuestionAsked():
                self._asked(event)
            case ToolApproved():
                line = "Allowed, always in this thread." if event.remember else "Allowed."
                self._settled(event.run, event.call, line)
            case ToolDenied():
                self._settled(event.run, event.call, "Not allowed.")
            case QuestionAnswered():
                line = f"Answered: {event.content}" if event.content else "Not answered."
                self._settled(event.run, event.question, line)
            case _:
                pass

    def _said(self, event: MessageAdded) -> None:
        """Show what was said elsewhere; know the message that came from here by its own id."""
        origin = None
        if event.client_id is not None:
            origin = Shown.objects.filter(client_id=event.client_id, persons=True).first()
        if origin is not None:
            Shown.objects.filter(pk=origin.pk).update(message=event.message, thread=self.thread)
        chats = self._chats(None)
        others = [each for each in chats if origin is None or each.pk != origin.chat_id]
        key = f"said:{event.message}"
        self._write(others, Post.Kind.SAID, key, message=str(event.message))
        for each in event.attachments:
            file = f"file:{event.message}:{each.id}"
            self._write(others, Post.Kind.FILE, file, file=str(each.id), silent=True)

    def _file(self, file: Attached, run: UUID, *, caption: str) -> None:
        key = f"file:{file.id}"
        self._write(self._chats(run), Post.Kind.FILE, key, file=str(file.id), caption=caption)

    def _edited(self, event: MessageEdited) -> None:
        shown = Shown.objects.filter(key=answer_key(event.message), part=0)
        chats = list(Chat.objects.filter(pk__in=shown.values("chat"), refused=""))
        key = f"edited:{self.entry.id}"
        message = str(event.message)
        self._write(chats, Post.Kind.ANSWER, key, message=message, edits=True)

    def _failed(self, event: RunFailed) -> None:
        key = f"failed:{event.run}"
        run = Run.objects.filter(id=event.run).first()
        for chat in self._chats(event.run):
            action: Action = {"do": "retry", "thread": str(self.thread)}
            if run is not None:
                action["message"] = str(run.message_id)
            self._write(
                [chat],
                Post.Kind.REPLY,
                key,
                markdown=f"⚠️ {event.error.detail}",
                buttons=[[button(chat, "Try again", action, once=key)]],
                instead_of=None if event.message else self._growing(event.run),
            )

    def _asked(self, event: ToolApprovalRequested | QuestionAsked) -> None:
        approval = isinstance(event, ToolApprovalRequested)
        call = event.call if isinstance(event, ToolApprovalRequested) else event.question
        key = ask_key(event.run, call)
        about: Action = {"thread": str(self.thread), "run": str(event.run), "call": call}
        for chat in self._chats(event.run):
            labels = (
                [("Allow", "allow"), ("Always", "always"), ("Deny", "deny")]
                if approval
                else [("Stop", "stop")]
            )
            row = [button(chat, label, {"do": do, **about}, once=key) for label, do in labels]
            told: Action = (
                {"name": event.name, "arguments": event.arguments}
                if isinstance(event, ToolApprovalRequested)
                else {"question": event.content}
            )
            self._write([chat], Post.Kind.ASK, key, buttons=[row], **told)

    def _settled(self, run: UUID, call: str, line: str) -> None:
        of = ask_key(run, call)
        asked = Post.objects.filter(key=of)
        chats = Chat.objects.filter(pk__in=asked.values("chat"), refused="")
        self._write(list(chats), Post.Kind.SETTLED, f"settled:{of}"[:200], of=of, line=line)

    def _deleted(self) -> None:
        Post.objects.filter(thread=self.thread).delete()
        Shown.objects.filter(thread=self.thread).delete()
        Chat.objects.filter(thread=self.thread).update(thread=None)

    def _write(self, chats: Iterable[Chat], kind: Post.Kind, key: str, **data: Any) -> None:
        write(chats, kind=kind, key=key, thread=self.thread, **data)

    def _growing(self, run: UUID) -> str | None:
        """Return the key of what may be shown of a run's answer already."""
        found = Run.objects.filter(id=run).values_list("answer_id", flat=True).first()
        return answer_key(found) if found else None

    def _chats(self, run: UUID | None) -> list[Chat]:
        """Return where this thread goes on, and where a run's message came from."""
        wanted = Q(thread=self.thread)
        if run is not None:
            asked = Run.objects.filter(id=run).values("message_id")
            origin = Shown.objects.filter(message__in=asked, persons=True)
            wanted |= Q(pk__in=origin.values("chat"))
        found = Chat.objects.filter(wanted, refused="", account__user__is_active=True)
        return list(found.select_related("account"))
