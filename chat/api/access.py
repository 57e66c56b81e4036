"""Who calls: a program with an API key, or a page with its session."""

from django.http import HttpRequest
from ninja.security import HttpBearer
from typing_extensions import override

from chat import credentials
from chat.models import User


class BearerKey(HttpBearer):
    """`Authorization: Bearer <api key>`."""

    @override
    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        user = credentials.user_of_key(token)
        if user is not None:
            request.user = user
        return user


def caller(request: HttpRequest) -> User:
    """Return who calls; the authenticators have made sure that there is somebody."""
    assert isinstance(request.user, User)  # noqa: S101  (for the type checker)
    return request.user


def actor(request: HttpRequest) -> str:
    """Return who calls, the way events name them."""
    return f"user:{caller(request).pk}"
