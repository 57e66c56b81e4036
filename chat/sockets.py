"""Who opens a socket: a browser by its session, a program by an API key; and from where."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.auth import AuthMiddlewareStack
from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import validate_host

from chat import credentials
from chat.errors import Unauthorized
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
        elif token := token_of(scope):
            await application({**scope, "api_key": token}, receive, send)
        else:
            await with_session(scope, receive, send)

    return open_socket


def user_of(scope: Scope, may: str) -> User:
    """Return who is on the socket, looked up anew: rights may have gone since it was opened.

    Args:
        scope: The socket's.
        may: What an API key has to be good for: "read" or "chat".

    Raises:
        Unauthorized: Nobody who may be here.
        MissingScope: The key is not good for this.
    """
    key, user = scope.get("api_key"), scope.get("user")
    if key:
        return credentials.person(key, may)
    found = User.objects.filter(pk=user.pk, is_active=True).first() if user else None
    if found is None:
        raise Unauthorized
    return found


def origin_is_ours(scope: Scope) -> bool:
    """Tell whether a socket comes from one of our names; programs send no origin."""
    origins = [value for name, value in scope["headers"] if name == b"origin"]
    if not origins:
        return True
    origin = origins[0].decode("latin-1")
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    if origin in settings.CORS_ALLOWED_ORIGINS and token_of(scope):
        return True  # it can't use a session, only a key that it has been given
    parts = urlsplit(origin)
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    same_host = parts.netloc == host.decode("latin-1")
    hostname = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    return same_host and bool(hostname) and validate_host(str(hostname), settings.ALLOWED_HOSTS)


def token_of(scope: Scope) -> str | None:
    """Return the API key that comes with a request, if one does."""
    for name, value in scope["headers"]:
        if name == b"authorization" and value.lower().startswith(b"bearer "):
            return str(value[7:], "latin-1").strip()
    return query(scope).get("token")
