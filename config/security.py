"""What a browser may load, by page: the chat strictly, the admin as its theme needs it."""

from collections.abc import Awaitable, Callable

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


def policy_for(path: str) -> str:
    """Return the Content-Security-Policy of a path."""
    if path.startswith("/admin/"):
        return ADMIN
    if path.startswith("/api/v1/docs"):
        return DOCS
    return STRICT


@sync_and_async_middleware
def content_security_policy(get_response: Next | AsyncNext) -> Next | AsyncNext:
    """Set the policy on every response that has none."""
    if iscoroutinefunction(get_response):
        following: AsyncNext = get_response

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            response = await following(request)
            response.headers.setdefault("Content-Security-Policy", policy_for(request.path))
            return response

        return answer_async

    before: Next = get_response  # type: ignore[assignment]  # the other of the two

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = before(request)
        response.headers.setdefault("Content-Security-Policy", policy_for(request.path))
        return response

    return answer
