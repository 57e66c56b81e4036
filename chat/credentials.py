"""Sign-in links and API keys: made here, checked here, kept as hashes only."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from agents.errors import MissingScope
from chat import rates
from chat.errors import NoSuchPerson, TooManyRequests, Unauthorized
from chat.models import ApiKey, SignInLink, User
from chat.rates import Rate

KEY_PREFIX = "parley_"
SHOWN_CHARACTERS = len(KEY_PREFIX) + 6
NOTED_EVERY = timedelta(minutes=1)  # a row is not written at each request


def owner() -> User:
    """Return the owner, who is made at the first start."""
    found = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if found is not None:
        return found
    made = User(username=settings.OWNER_NAME, is_staff=True, is_superuser=True)
    made.set_unusable_password()
    made.save()
    return made


def active_person(name: str | None) -> User:
    """Return the active person of a name; the owner without one.

    Raises:
        NoSuchPerson: There is none.
    """
    if name is None:
        return owner()
    found = User.objects.filter(username=name, is_active=True).first()
    if found is None:
        raise NoSuchPerson(name)
    return found


def sign_in_token(user: User) -> str:
    """Make a token that signs `user` in, once, within the configured time."""
    now = timezone.now()
    SignInLink.objects.filter(expires_at__lt=now).delete()
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(seconds=settings.SIGNIN_SECONDS)
    SignInLink.objects.create(digest=_digest(token), user=user, expires_at=expires_at)
    return token


def redeem(token: str) -> User | None:
    """Return whom a token signs in, and use it up; None if it is used, old or wrong."""
    now = timezone.now()
    link = SignInLink.objects.filter(digest=_digest(token), used_at=None, expires_at__gt=now)
    if link.update(used_at=now) != 1:
        return None  # another request got there first, or there was nothing to get
    user = SignInLink.objects.select_related("user").get(digest=_digest(token)).user
    return user if user.is_active else None


def create_api_key(
    *,
    name: str,
    user: User,
    scopes: Sequence[str] = ApiKey.Scope.values,
    expires_at: datetime | None = None,
) -> str:
    """Make an API key and return it; it can't be read again.

    Args:
        name: What it is for.
        user: Whom it stands for.
        scopes: What it may do: "read", "chat", "manage"; everything if left out.
        expires_at: From when on it is refused; never if left out.
    """
    row = ApiKey(name=name, user=user, scopes=list(scopes), expires_at=expires_at)
    key = give_secret(row)
    row.save()
    return key


def give_secret(row: ApiKey) -> str:
    """Give a new key, which is not saved yet, its secret, and return that."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    row.prefix, row.digest = key[:SHOWN_CHARACTERS], _digest(key)
    return key


def api_key(key: str) -> ApiKey | None:
    """Return an API key, with its person; None if it is wrong, revoked or too old."""
    now = timezone.now()
    try:
        found = ApiKey.objects.select_related("user").get(digest=_digest(key))
    except ApiKey.DoesNotExist:
        return None
    too_old = found.expires_at is not None and found.expires_at <= now
    if found.revoked_at or too_old or not found.user.is_active:
        return None
    if found.last_used_at is None or found.last_used_at < now - NOTED_EVERY:
        ApiKey.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def person(key: str, scope: str) -> User:
    """Return the person that an API key stands for.

    Args:
        key: The key, as it was sent.
        scope: What it has to be good for.

    Raises:
        Unauthorized: It is wrong, revoked or too old.
        MissingScope: It is not good for this.
    """
    found = api_key(key)
    if found is None:
        raise Unauthorized
    if not found.may(scope):
        raise MissingScope(scope)
    return found.user


def rate_of(key: ApiKey) -> Rate:
    """Count a request of an API key, and return where it stands."""
    return rates.take(str(key.pk), key.per_minute or settings.API_REQUESTS_PER_MINUTE)


def check_rate(key: str) -> None:
    """Count a request of an API key.

    Raises:
        TooManyRequests: It has come too often of late.
    """
    found = api_key(key)
    rate = rate_of(found) if found else None
    if rate is not None and not rate.allowed:
        raise TooManyRequests(limit=rate.limit, retry_after_seconds=rate.retry_seconds)


def _digest(secret: str) -> str:
    """Hash a secret of 256 random bits: no salt and no slowness needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
