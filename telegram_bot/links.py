"""Which Telegram account stands for whom: linked by a code from the page, once, for a while."""

import hashlib
import secrets
from datetime import timedelta

import redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat import rates
from chat.models import User
from telegram_bot.models import Account, Chat, LinkCode, Post
from telegram_bot.wire import Sender
from tracer import live

CODE_BYTES = 15
CODE_TIME = timedelta(minutes=15)
TRIES_PER_MINUTE = 5
STRANGER_SECONDS = 3600


def make_code(user: User) -> str:
    """Make a code that links one account with a person; those before it are void."""
    LinkCode.objects.filter(user=user).delete()
    code = secrets.token_urlsafe(CODE_BYTES)
    expires_at = timezone.now() + CODE_TIME
    LinkCode.objects.create(digest=_digest(code), user=user, expires_at=expires_at)
    return code


def may_try(telegram_id: int) -> bool:
    """Tell whether an account may try a code now; it may not try many."""
    return rates.take(f"telegram:{telegram_id}", TRIES_PER_MINUTE).allowed


def redeem(code: str, sender: Sender) -> Account | None:
    """Link the account of who sends a code; None if it is used, old or wrong."""
    now = timezone.now()
    found = LinkCode.objects.filter(
        digest=_digest(code), used_at=None, expires_at__gt=now, user__is_active=True
    )
    if found.update(used_at=now) != 1:
        return None
    user = LinkCode.objects.select_related("user").get(digest=_digest(code)).user
    with transaction.atomic():
        before = Account.objects.filter(telegram_id=sender.id).first()
        if before is not None and before.user_id != user.pk:
            unlink(before)
        account, _ = Account.objects.update_or_create(
            telegram_id=sender.id, defaults={"user": user, "name": sender.name[:200]}
        )
    return account


def account_of(telegram_id: int) -> Account | None:
    """Return a linked account, if it is one and its person is active."""
    return (
        Account.objects.select_related("user")
        .filter(telegram_id=telegram_id, user__is_active=True)
        .first()
    )


def unlink(account: Account) -> None:
    """Have an account stand for nobody any more; nothing that waits for it is sent."""
    with transaction.atomic():
        chats = Chat.objects.filter(account=account)
        Post.objects.filter(chat__in=chats, state=Post.State.WAITING).delete()
        chats.update(account=None, thread=None, agent="")
        account.delete()


def may_tell_stranger(telegram_id: int) -> bool:
    """Tell whether a stranger gets the polite sentence: once an hour."""
    key = f"parley:telegram:stranger:{telegram_id}"
    try:
        return bool(live.connection().set(key, 1, nx=True, ex=STRANGER_SECONDS))
    except redis.RedisError:
        return False


def deep_link(bot: str, code: str) -> str:
    """Return the address that opens the bot with a code."""
    return f"{settings.TELEGRAM_LINK_URL}/{bot}?start={code}"


def _digest(code: str) -> str:
    """Hash a code of 120 random bits: no salt and no slowness needed."""
    return hashlib.sha256(code.encode()).hexdigest()
