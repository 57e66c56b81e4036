"""Who opens a socket: a browser by its session, a program by an API key; and from where."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import validate_host

from chat import credentials
from chat.models import User

Scope = Any  # Channels adds to ASGI's scopes as it goes; its stubs know only some of it
Send = Any
Application = Callable[[Scope, Send, Send], Awaitable[None]]


def query(scope: Scope) -> dict[str, str]:
    """Return the socket's query parameters; of one given twice, the last."""
    parsed = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return {name: values[-1] for name, values in parsed.items()}


def with_user(application: Application) -> Application:
    """Let sockets in from our own pages and from programs; tell the application who it is."""
    stubborn: Any = application  # (the stubs want every kind of scope)
    with_session: Any = AuthMiddlewareStack(stubborn)
    refuse: Application = WebsocketDenier.as_asgi()

    async def open_socket(scope: Scope, receive: Send, send: Send) -> None:
        if not origin_is_ours(scope):
            await refuse(scope, receive, send)
        elif token := _token(scope):
            await application({**scope, "api_key": token}, receive, send)
        else:
            await with_session(scope, receive, send)

    return open_socket


async def user_of(scope: Scope) -> User | None:
    """Return who is on the socket, looked up anew: rights may have gone since it was opened."""
    if key := scope.get("api_key"):
        return await _by_key(key)
    user = scope.get("user")
    return await _active(user.pk) if isinstance(user, User) else None


def origin_is_ours(scope: Scope) -> bool:
    """Tell whether a socket comes from one of our names; programs send no origin."""
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if not origins:
        return True
    origin = origins[0].decode("latin-1")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    parts = urlsplit(origin)
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    same_host = parts.netloc == host.decode("latin-1")
    hostname = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return same_host and bool(hostname) and validate_host(str(hostname), settings.ALLOWED_HOSTS)


def _token(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization" and value.lower().startswith(b"bearer "):
            return str(value[7:], "latin-1").strip()
    return query(scope).get("token")


_by_key = database_sync_to_async(credentials.user_of_key, thread_sensitive=False)


def _find_active(pk: int) -> User | None:
    return User.objects.filter(pk=pk, is_active=True).first()


_active = database_sync_to_async(_find_active, thread_sensitive=False)
