"""The root of the REST API: mounts the routers, and turns errors into problem details."""

import json
from http import HTTPStatus

import structlog
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import django_auth

from agents.api import router as agents
from agents.errors import AgentError
from chat.api.access import BearerKey
from chat.api.messages import router as messages
from chat.api.runs import router as runs
from chat.api.streams import router as streams
from chat.api.threads import router as threads
from chat.errors import ChatError, Unavailable

STATUS = {
    "bad_characters": 422,
    "empty": 422,
    "no_such_agent": 422,
    "no_such_message": 404,
    "no_such_moment": 404,
    "no_such_run": 404,
    "no_such_thread": 404,
    "not_yours": 403,
    "nothing_to_answer": 409,
    "nothing_to_approve": 409,
    "nothing_to_retry": 409,
    "nothing_to_steer": 409,
    "nothing_to_stop": 409,
    "queue_full": 429,
    "run_active": 409,
    "too_long": 413,
    "too_many_pins": 409,
    "too_many_steers": 409,
    "unavailable": 503,
}

logger = structlog.get_logger(__name__)

api = NinjaAPI(
    title="Parley",
    version="1",
    description="Threads, messages and agents. Sign in, or send an API key as a bearer token.",
    auth=[BearerKey(), django_auth],
    docs_url="/docs",
)
api.add_router("", threads)
api.add_router("", messages)
api.add_router("", runs)
api.add_router("", streams)
api.add_router("", agents)


def problem(status: int, *, code: str, detail: str, **more: object) -> HttpResponse:
    """Return an error as problem details (RFC 9457), with our code beside them."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return HttpResponse(json.dumps(body), status=status, content_type="application/problem+json")


@api.exception_handler(ChatError)
@api.exception_handler(AgentError)
def _ours(_: HttpRequest, error: ChatError | AgentError) -> HttpResponse:
    response = problem(STATUS.get(error.code, 400), code=error.code, detail=str(error))
    if isinstance(error, ChatError) and error.retry_after_seconds is not None:
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def _database(request: HttpRequest, error: OperationalError | InterfaceError) -> HttpResponse:
    logger.warning("database_away", path=request.path, error=str(error))
    return _ours(request, Unavailable())


@api.exception_handler(AuthenticationError)
def _unauthorized(_: HttpRequest, __: AuthenticationError) -> HttpResponse:
    detail = "Sign in, or send an API key: Authorization: Bearer <key>."
    return problem(401, code="unauthorized", detail=detail)


@api.exception_handler(ValidationError)
def _invalid(_: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = [
        {"where": ".".join(str(part) for part in each["loc"]), "what": each["msg"]}
        for each in error.errors
    ]
    detail = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults)
    return problem(422, code="invalid", detail=detail, faults=faults)


@api.exception_handler(HttpError)
def _http(_: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, code="bad_request", detail=str(error))
