"""Who calls, and what they may: a program with an API key, or a page with its session."""

from uuid import NAMESPACE_URL, UUID, uuid5

from django.http import HttpRequest
from ninja.security import HttpBearer, django_auth
from typing_extensions import override

from agents.errors import MissingScope
from chat import credentials
from chat.errors import TooManyRequests
from chat.models import ApiKey, User


class BearerKey(HttpBearer):
    """`Authorization: Bearer <api key>`, with a key that has a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    @override
    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        key = credentials.api_key(token)
        return None if key is None else self._admitted(request, key)

    def _admitted(self, request: HttpRequest, key: ApiKey) -> User:
        rate = credentials.rate_of(key)
        request.rate = rate  # type: ignore[attr-defined]  # `config.security` tells it
        if not rate.allowed:
            raise TooManyRequests(limit=rate.limit, retry_after_seconds=rate.retry_seconds)
        if not key.may(self.scope):
            raise MissingScope(self.scope)
        request.user = key.user
        request.may = key.may  # type: ignore[attr-defined]  # `agents.api` asks
        return key.user


READ, CHAT, MANAGE = (
    [BearerKey(scope), django_auth]
    for scope in (ApiKey.Scope.READ, ApiKey.Scope.CHAT, ApiKey.Scope.MANAGE)
)


def caller(request: HttpRequest) -> User:
    """Return who calls; the authenticators have made sure that there is somebody."""
    assert isinstance(request.user, User)  # noqa: S101  (for the type checker)
    return request.user


def actor(request: HttpRequest) -> str:
    """Return who calls, the way events name them."""
    return f"user:{caller(request).pk}"


def named_by(request: HttpRequest, key: str | None) -> UUID | None:
    """Return the id that an `Idempotency-Key` stands for: the same for the same caller."""
    return uuid5(NAMESPACE_URL, f"{actor(request)} {request.path} {key}") if key else None
