"""Sign-in links and API keys: made here, checked here, kept as hashes only."""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from chat.models import ApiKey, SignInLink, User

KEY_PREFIX = "parley_"
SHOWN_CHARACTERS = len(KEY_PREFIX) + 6


def owner() -> User:
    """Return the owner, who is made at the first start."""
    found = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if found is not None:
        return found
    made = User(username=settings.OWNER_NAME, is_staff=True, is_superuser=True)
    made.set_unusable_password()
    made.save()
    return made


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


def create_api_key(*, name: str, user: User) -> str:
    """Make an API key and return it; it can't be read again."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    ApiKey.objects.create(name=name, user=user, prefix=key[:SHOWN_CHARACTERS], digest=_digest(key))
    return key


def user_of_key(key: str) -> User | None:
    """Return the person an API key stands for; None if it is wrong or revoked."""
    found = (
        ApiKey.objects.select_related("user")
        .filter(digest=_digest(key), revoked_at=None, user__is_active=True)
        .first()
    )
    return found.user if found else None


def _digest(secret: str) -> str:
    """Hash a secret of 256 random bits: no salt and no slowness needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
