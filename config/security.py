"""What responses tell browsers and programs: what a page may load, how much of a rate is left."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

_BASE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "manifest-src": "'self'",
}
_INLINE = _BASE | {
    "script-src": "'self' 'unsafe-inline'",
    "style-src": "'self' 'unsafe-inline'",
}
# The admin's theme evaluates strings (Alpine). What models wrote is shown as text there.
_ADMIN = _INLINE | {"script-src": "'self' 'unsafe-inline' 'unsafe-eval'"}

STRICT, DOCS, ADMIN = (
    "; ".join(f"{name} {value}" for name, value in policy.items())
    for policy in (_BASE, _INLINE, _ADMIN)
)

Next = Callable[[HttpRequest], HttpResponseBase]
AsyncNext = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
Adds = Callable[[HttpRequest, HttpResponseBase], None]
Middleware = Callable[[Any], Any]  # of either kind, as Django's chain is


def policy_for(path: str) -> str:
    """Return the Content-Security-Policy of a path."""
    if path.startswith("/admin/"):
        return ADMIN
    if path.startswith("/api/v1/docs"):
        return DOCS
    return STRICT


def _on_responses(add: Adds) -> Middleware:
    """Make a middleware of both kinds that adds something to every response."""

    @sync_and_async_middleware
    def middleware(get_response: Next | AsyncNext) -> Next | AsyncNext:
        if iscoroutinefunction(get_response):
            following: AsyncNext = get_response

            async def answer_async(request: HttpRequest) -> HttpResponseBase:
                response = await following(request)
                add(request, response)
                return response

            return answer_async

        before: Next = get_response  # type: ignore[assignment]  # the other of the two

        def answer(request: HttpRequest) -> HttpResponseBase:
            response = before(request)
            add(request, response)
            return response

        return answer

    made: Middleware = middleware
    return made


def _policy(request: HttpRequest, response: HttpResponseBase) -> None:
    response.headers.setdefault("Content-Security-Policy", policy_for(request.path))


def _rate(request: HttpRequest, response: HttpResponseBase) -> None:
    rate = getattr(request, "rate", None)  # an API key's, if one came with the request
    if rate is not None:
        for name, value in rate.headers().items():
            response.headers[name] = value


content_security_policy = _on_responses(_policy)
rate_headers = _on_responses(_rate)
