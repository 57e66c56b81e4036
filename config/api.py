"""The root of the REST API: mounts the routers, and turns errors into problem details."""

from copy import deepcopy
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from typing_extensions import override

from agents.api.agents import router as agents
from agents.api.catalogue import router as catalogue
from agents.errors import AgentError
from chat.api.access import READ
from chat.api.attachments import router as attachments
from chat.api.events import router as events
from chat.api.hooks import incoming
from chat.api.hooks import router as hooks
from chat.api.messages import router as messages
from chat.api.runs import router as runs
from chat.api.streams import router as streams
from chat.api.threads import router as threads
from chat.errors import BadRequest, ChatError, Unauthorized, Unavailable
from config import problems
from config.problems import STATUS, problem

logger = structlog.get_logger(__name__)


class DescribedAPI(NinjaAPI):
    """An API whose description tells of its errors, too."""

    @override
    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Return the name that a generated client gives to an operation."""
        return operation.view_func.__name__

    @override
    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """Return the description, with the problems that each operation can have."""
        described = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        described["paths"] = deepcopy(described["paths"])  # parts are the operations' own
        described["components"]["schemas"]["Problem"] = problems.SCHEMA
        content = {problems.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for operations in described["paths"].values():
            for operation in operations.values():
                for status, told in problems.TOLD.items():
                    operation["responses"].setdefault(
                        status, {"description": told, "content": content}
                    )
        _share_definitions(described["paths"], described["components"]["schemas"])
        return described


def _share_definitions(value: Any, shared: dict[str, Any]) -> None:  # noqa: ANN401  (any JSON)
    """Move the definitions that schemas bring along to where references look for them."""
    if isinstance(value, list):
        for each in value:
            _share_definitions(each, shared)
    if not isinstance(value, dict):
        return
    reference = value.get("$ref")
    if isinstance(reference, str):
        value["$ref"] = reference.replace("#/$defs/", "#/components/schemas/")
    own = value.pop("$defs", {})
    shared |= own
    for each in (*value.values(), *own.values()):
        _share_definitions(each, shared)


api = DescribedAPI(
    title="Parley",
    version="1",
    description="Threads, messages and agents. Sign in, or send an API key as a bearer token.",
    auth=READ,
    docs_url="/docs",
)
for router in (
    threads,
    messages,
    attachments,
    runs,
    streams,
    events,
    hooks,
    incoming,
    agents,
    catalogue,
):
    api.add_router("", router)


@api.exception_handler(ChatError)
@api.exception_handler(AgentError)
def _ours(_: HttpRequest, error: ChatError | AgentError) -> HttpResponse:
    response = problem(STATUS.get(error.code, 400), code=error.code, detail=str(error))
    if isinstance(error, ChatError) and error.retry_after_seconds is not None:
        response["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, Unauthorized):
        response["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def _database(request: HttpRequest, error: OperationalError | InterfaceError) -> HttpResponse:
    logger.warning("database_away", path=request.path, error=str(error))
    return _ours(request, Unavailable())


@api.exception_handler(AuthenticationError)
def _unauthorized(request: HttpRequest, __: AuthenticationError) -> HttpResponse:
    return _ours(request, Unauthorized())


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, _: RequestDataTooBig) -> HttpResponse:
    return _ours(request, BadRequest("The request is larger than this takes.", code="too_long"))


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
