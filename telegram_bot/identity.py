"""Who the bot is, as its process has learnt it, and where its updates come in."""

import hashlib
import hmac

import redis
from django.conf import settings
from pydantic import BaseModel, ValidationError

from tracer import live

KEY = "parley:telegram:identity"
SEEN = "parley:telegram:started"  # a process of the bot has come up


class Identity(BaseModel):
    """The bot, at Telegram's."""

    id: int
    username: str


def tell(identity: Identity) -> None:
    """Tell the other processes."""
    live.connection().set(KEY, identity.model_dump_json())


def known() -> Identity | None:
    """Return who the bot is, if it has ever been ready."""
    try:
        held = live.connection().get(KEY)
    except redis.RedisError:
        return None
    try:
        return Identity.model_validate_json(held) if isinstance(held, bytes) else None
    except ValidationError:
        return None


def webhook_address() -> str:
    """Return where Telegram sends updates to."""
    return f"{settings.TELEGRAM_WEBHOOK_URL}/telegram/webhook/"


def webhook_secret() -> str:
    """Return what Telegram sends with them: made from SECRET_KEY and the token."""
    key, token = settings.SECRET_KEY.encode(), settings.TELEGRAM_BOT_TOKEN.encode()
    return hmac.new(key, b"telegram.webhook:" + token, hashlib.sha256).hexdigest()
