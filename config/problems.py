"""Errors of the REST API, as problem details (RFC 9457)."""

import json
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

CONTENT_TYPE = "application/problem+json"
STATUS = {
    "agent_exists": 409,
    "bad_agent": 422,
    "bad_characters": 422,
    "bad_cursor": 422,
    "bad_import": 422,
    "changed_meanwhile": 412,
    "empty": 422,
    "has_forks": 409,
    "invalid": 422,
    "key_reused": 422,
    "missing_scope": 403,
    "no_such_agent": 422,
    "no_such_attachment": 404,
    "no_such_kind": 422,
    "no_such_message": 404,
    "no_such_moment": 404,
    "no_such_run": 404,
    "no_such_thread": 404,
    "no_such_webhook": 404,
    "not_allowed": 403,
    "not_yours": 403,
    "nothing_to_answer": 409,
    "nothing_to_approve": 409,
    "nothing_to_retry": 409,
    "nothing_to_steer": 409,
    "nothing_to_stop": 409,
    "queue_full": 429,
    "rate_limited": 429,
    "run_active": 409,
    "too_long": 413,
    "too_many_pins": 409,
    "too_many_steers": 409,
    "too_many_webhooks": 409,
    "unauthorized": 401,
    "unavailable": 503,
    "unknown_agent": 404,
}
SCHEMA = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457). `code` is for programs, `detail` for people.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Conflict"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {"type": "string", "examples": ["Nothing is running here."]},
        "code": {"type": "string", "examples": ["nothing_to_stop"]},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
                "required": ["where", "what"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}
TOLD = {
    400: "It can't be read.",
    401: "Nobody, or a key that is not good.",
    403: "Somebody else's, or more than the caller may do.",
    404: "It is not there.",
    409: "Not as things stand.",
    412: "Changed meanwhile.",
    413: "Too much.",
    422: "It can be read, and can't be.",
    429: "Too often, or too much on its way: `Retry-After` says when to come again.",
    503: "The database does not answer just now.",
}


def problem(status: int, *, code: str, detail: str, **more: object) -> HttpResponse:
    """Return an error as problem details, with our code beside them."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    return HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE)


def no_such_path(request: HttpRequest) -> HttpResponse:
    """Answer for addresses below the API that are none."""
    return problem(404, code="no_such_path", detail=f"There is nothing at {request.path}.")
