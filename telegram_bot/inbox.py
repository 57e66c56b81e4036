"""What Telegram sends, kept before it is handled: nothing is lost, and nothing done twice.

An update is handled in one transaction with all that it leads to in the database. If that fails,
it is tried again; what came twice is known by its id.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from pydantic import ValidationError

from telegram_bot import outbox
from telegram_bot.handlers.dispatch import dispatch
from telegram_bot.handlers.talk import Arrived, Outcome
from telegram_bot.models import Button, Chat, Incoming, Post
from telegram_bot.wire import Update
from tracer import live
from tracer.steady import steadily

HINT = "telegram:updates"
KEPT = timedelta(days=2)  # Telegram keeps what it could not deliver for one
POSTS_KEPT = timedelta(days=30)
BUTTONS_KEPT = timedelta(days=90)
MOST_ATTEMPTS = 3
PATIENCE_SECONDS = 10.0
SORRY = "Something went wrong here; the log has the details. Please try again."

logger = structlog.get_logger(__name__)


def keep(updates: Iterable[dict[str, Any]]) -> None:
    """Keep what has come in, once; it is handled after that."""
    rows = [
        Incoming(update_id=each["update_id"], chat_id=_chat_id(each), data=each) for each in updates
    ]
    Incoming.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        live.hint(HINT)


def chats() -> list[int]:
    """Return the chats that something has come in from."""
    found = Incoming.objects.filter(handled_at=None).order_by()
    return list(found.values_list("chat_id", flat=True).distinct())


class First(NamedTuple):
    """What came in first: its id, what it says if that can be read, and how long ago, in s."""

    number: int
    update: Update | None
    age: float


def first_of(chat_id: int) -> First | None:
    """Return what came in first from a chat and is to be handled."""
    found = Incoming.objects.filter(chat_id=chat_id, handled_at=None).first()
    if found is None:
        return None
    age = (timezone.now() - found.received_at).total_seconds()
    try:
        return First(found.update_id, Update.model_validate(found.data), age)
    except ValidationError:
        return First(found.update_id, None, age)  # `handle` puts it aside


@steadily(PATIENCE_SECONDS)
def handle(update_id: int, *, me: str, arrived: Arrived) -> tuple[Update | None, Outcome]:
    """Handle an update, once. What fails again and again is put aside, and that is said.

    Args:
        update_id: Which one.
        me: The bot's user name.
        arrived: The files that came with it.
    """
    try:
        with transaction.atomic():
            row = Incoming.objects.select_for_update().get(update_id=update_id)
            if row.handled_at is not None:
                return None, Outcome()
            update = Update.model_validate(row.data)
            outcome = dispatch(update, me=me, arrived=arrived)
            _end(row)
    except ValidationError as error:
        with transaction.atomic():
            _end(Incoming.objects.get(update_id=update_id), problem=_named(error))
        return None, Outcome()
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("update_failed", update=update_id)
        _count(update_id, error)
        return None, Outcome()
    return update, outcome


def forget_old() -> None:
    """Delete what was handled or sent long ago, and buttons that nobody presses any more."""
    old = Incoming.objects.filter(handled_at__lt=timezone.now() - KEPT)
    if old.exists():  # (to delete nothing would take the database's lock as well)
        old.delete()
    shown = Post.objects.filter(sent_at__lt=timezone.now() - POSTS_KEPT)
    if shown.exists():
        shown.delete()
    unused = Button.objects.filter(made_at__lt=timezone.now() - BUTTONS_KEPT)
    if unused.exists():
        unused.delete()


def _end(row: Incoming, *, problem: str = "") -> None:
    row.handled_at = timezone.now()
    row.data, row.problem = None, problem
    row.save()


def _count(update_id: int, error: Exception) -> None:
    """Count an attempt that has failed; after the last one, say so in the chat."""
    with transaction.atomic():
        row = Incoming.objects.get(update_id=update_id)
        row.attempts += 1
        row.save(update_fields=["attempts"])
        if row.attempts < MOST_ATTEMPTS:
            return
        chats = Chat.objects.filter(chat_id=row.chat_id, account__isnull=False)[:1]
        key = f"update:{update_id}:sorry"
        outbox.write(chats, kind=Post.Kind.REPLY, key=key, html=SORRY)
        _end(row, problem=type(error).__name__)


def _chat_id(update: dict[str, Any]) -> int:
    """Return the chat of an update as it came: its order counts there."""
    for part in update.values():
        if isinstance(part, dict):
            holder = part if "chat" in part else part.get("message") or {}
            chat = holder.get("chat") if isinstance(holder, dict) else None
            if isinstance(chat, dict) and isinstance(chat.get("id"), int):
                return int(chat["id"])
    return 0


def _named(error: ValidationError) -> str:
    """Say where an update could not be read, without what stood there."""
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return f"not readable: {where}"
