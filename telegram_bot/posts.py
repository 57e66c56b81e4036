"""What becomes of posts: which is next, what is shown of it by now, how sending it went."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.utils import timezone

from chat import gateway
from chat.errors import NoSuchThread
from chat.models import Thread
from telegram_bot.formatting import escape
from telegram_bot.letters import Letter
from telegram_bot.models import Chat, Post, Shown

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
GIVEN_UP_AFTER = timedelta(hours=24)
MOST_DOUBLED = 10
MOST_TOLD = 500
MOST_STUMBLES = 3

logger = structlog.get_logger(__name__)


def chats_waiting() -> list[int]:
    """Return the chats that something is to be sent to now."""
    found = Post.objects.filter(state=Post.State.WAITING, next_at__lte=timezone.now()).order_by()
    return list(found.values_list("chat_id", flat=True).distinct())


def first_of(chat: int) -> Post | None:
    """Return what is to be sent to a chat next, if its time has come."""
    found = Post.objects.filter(chat=chat, state=Post.State.WAITING).select_related("chat").first()
    return found if found and found.next_at <= timezone.now() else None


def shown_of(chat: Chat, letter: Letter) -> dict[int, Shown]:
    """Return what is shown of a letter by now, by part; or what it takes the place of."""
    found = {row.part: row for row in Shown.objects.filter(chat=chat, key=letter.key)}
    if not found and letter.instead_of:
        growing = Shown.objects.filter(chat=chat, key=letter.instead_of, whole=False)
        found = {row.part: row for row in growing}
    return found


def keep(chat: Chat, letter: Letter, part: int, *, telegram_id: int) -> None:
    """Write down that a part of a letter stands in a chat."""
    with transaction.atomic():
        others = Shown.objects.filter(chat=chat, telegram_id=telegram_id)
        others.exclude(key=letter.key, part=part).delete()
        Shown.objects.update_or_create(
            chat=chat,
            key=letter.key,
            part=part,
            defaults={
                "telegram_id": telegram_id,
                "whole": True,
                "message": letter.message,
                "thread": letter.thread,
            },
        )


def end(post: Post, letter: Letter | None = None, ids: tuple[int, ...] = ()) -> None:
    """Write down that a post is done with; of an answer, in its thread as well."""
    with transaction.atomic():
        post.state, post.sent_at, post.problem = Post.State.SENT, timezone.now(), ""
        post.save(update_fields=["state", "sent_at", "problem"])
        if post.kind == Post.Kind.ANSWER and letter and letter.message and not letter.edits:
            _delivered(post.chat, letter, letter.message, ids=ids)


def _delivered(chat: Chat, letter: Letter, message: UUID, *, ids: tuple[int, ...]) -> None:
    found = Thread.objects.filter(id=letter.thread).first() if letter.thread else None
    if found is None:
        return
    try:
        gateway.delivered(
            found,
            message=message,
            channel="telegram",
            place=chat.place,
            references=[str(each) for each in ids],
        )
    except NoSuchThread:
        logger.info("thread_deleted_meanwhile", thread=str(found.id))


def wait(post: Post, seconds: float) -> None:
    """Have a post wait, and those behind it."""
    post.next_at = timezone.now() + timedelta(seconds=seconds)
    post.save(update_fields=["next_at"])


def try_later(post: Post, reason: str) -> None:
    """Have a post wait, longer each time; after a day it is given up."""
    if timezone.now() - post.created_at > GIVEN_UP_AFTER:
        fail(post, reason)
        return
    post.next_at = timezone.now() + min(
        FIRST_WAIT * 2 ** min(post.attempts, MOST_DOUBLED), LONGEST_WAIT
    )
    post.attempts += 1
    post.problem = reason[:MOST_TOLD]
    post.save(update_fields=["attempts", "problem", "next_at"])


def stumble(post: Post, reason: str) -> bool:
    """Count a fault of ours; after the third, give the post up and let the next one pass."""
    if post.attempts + 1 >= MOST_STUMBLES:
        fail(post, reason)
        return True
    try_later(post, reason)
    return False


def fail(post: Post, reason: str) -> None:
    """Give a post up."""
    post.state, post.problem = Post.State.FAILED, reason[:MOST_TOLD]
    post.save(update_fields=["state", "problem"])


def refuse(chat: Chat, reason: str) -> None:
    """Note that nothing can be sent to a chat, and try no more until somebody writes there."""
    with transaction.atomic():
        Chat.objects.filter(chat_id=chat.chat_id).update(refused=reason[:MOST_TOLD])
        waiting = Post.objects.filter(chat__chat_id=chat.chat_id, state=Post.State.WAITING)
        waiting.update(state=Post.State.FAILED, problem=reason[:MOST_TOLD])
    logger.warning("telegram_refused", chat=chat.pk, reason=reason)


def go_on_in_topic(post: Post, topic: int) -> None:
    """Have a thread go on in a topic that was opened for it; or right here, if none was."""
    with transaction.atomic():
        here = post.chat
        chat, _ = Chat.objects.get_or_create(
            chat_id=here.chat_id, topic=topic, defaults={"kind": here.kind, "forum": here.forum}
        )
        chat.account, chat.thread, chat.agent = here.account, post.thread, here.agent
        chat.save()
        html = f"<b>{escape(post.data['title'])}</b> goes on here."
        Post.objects.get_or_create(
            chat=chat,
            key=f"{post.key}:opened",
            defaults={"kind": Post.Kind.REPLY, "thread": post.thread, "data": {"html": html}},
        )
        end(post)
