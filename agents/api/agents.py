"""`/agents`: who can be talked to; how they are set up, for those who may."""

from typing import Annotated, Any, Literal

from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from ninja import Field, Header, Path, Query, Router, Schema, Status
from ninja.pagination import paginate

from agents import documents
from agents.documents import AgentDocument, AgentFields
from agents.errors import MissingScope, NotAllowed, UnknownAgent
from agents.models import Agent, lines
from agents.paging import CursorPages

router = Router(tags=["agents"])

MANAGE = "manage"  # the scope of an API key

Slug = Annotated[str, Path(pattern=r"^[-a-zA-Z0-9_]{1,50}$", examples=["demo"])]
Form = Annotated[Literal["json", "yaml"], Query()]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=500, description="The `ETag` it must have.")
]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=500)]
MARKED = {"responses": {200: {"headers": {"ETag": {"schema": {"type": "string"}}}}}}
EXPORT = {
    "responses": {
        200: {
            "content": {
                "application/json": {"schema": documents.AgentsFile.model_json_schema()},
                "application/yaml": {"schema": documents.AgentsFile.model_json_schema()},
            }
        }
    }
}
FILE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": documents.AgentsFile.model_json_schema()},
            "application/yaml": {"schema": documents.AgentsFile.model_json_schema()},
        },
    }
}


class AgentOut(Schema):
    """An agent. What it is told is only for those who may set agents up."""

    slug: str
    name: str
    description: str
    model: str
    system_prompt: str | None
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    top_k: int | None
    num_ctx: int | None
    reasoning_effort: str
    seed: int | None
    stop: list[str]
    max_tool_iterations: int
    fallback_models: list[str]
    tools: list[str]
    approvals: list[str]
    skills: list[str]
    delegates: list[str]
    over_mcp: bool
    active: bool

    @staticmethod
    def resolve_system_prompt(agent: Agent, context: dict[str, Any]) -> str | None:
        """Return what the agent is told, for those who may know."""
        return agent.system_prompt if _may(context["request"], "view") else None

    @staticmethod
    def resolve_stop(agent: Agent) -> list[str]:
        """Return the texts that end an answer."""
        return lines(agent.stop_texts)

    @staticmethod
    def resolve_fallback_models(agent: Agent) -> list[str]:
        """Return who else may answer."""
        return lines(agent.fallback_models)


class AgentIn(AgentDocument):
    """An agent to make."""

    model_config = AgentDocument.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "slug": "helper",
                    "name": "Helper",
                    "model": "demo/assistant",
                    "system_prompt": "You help in few words.",
                    "tools": ["calculator"],
                }
            ]
        }
    }


class AgentPatch(AgentFields):
    """What is to change of an agent."""


class ImportedAgentsOut(Schema):
    """The agents that a file made or changed, by slug."""

    agents: list[str] = Field(examples=[["helper"]])


@router.get("/agents", response=list[AgentOut])
@paginate(CursorPages, order=("id",))
def list_agents(
    request: HttpRequest, *, state: Literal["active", "inactive", "all"] = "active"
) -> QuerySet[Agent]:
    """The agents, in the order in which they were made; those switched off for who may see them."""
    found = _visible(request)
    return found if state == "all" else found.filter(active=state == "active")


@router.post("/agents/import", response={201: ImportedAgentsOut}, openapi_extra=FILE)
def import_agents(request: HttpRequest, *, replace: bool = False) -> Status[dict[str, Any]]:
    """Make the agents of a file, JSON or YAML: all of them, or none.

    With `replace`, those that are there are changed to what the file says.
    """
    _check_manager(request, "add")
    if replace:
        _check_manager(request, "change")
    made = documents.load(request.body, replace=replace)
    return Status(201, {"agents": [each.slug for each in made]})


@router.get("/agents/{slug}", response=AgentOut, openapi_extra=MARKED)
def get_agent(
    request: HttpRequest, slug: Slug, *, response: HttpResponse, if_none_match: IfNoneMatch = None
) -> Any:  # noqa: ANN401  (an agent, or a response without a body)
    """One agent. Its `ETag` is what `If-Match` wants when it is changed."""
    found = _visible(request).filter(slug=slug).first()
    if found is None:
        raise UnknownAgent(slug)
    mark = documents.etag(found)
    if if_none_match is not None and mark in {each.strip() for each in if_none_match.split(",")}:
        return HttpResponseNotModified(headers={"ETag": mark})
    response["ETag"] = mark
    return found


@router.get("/agents/{slug}/export", response={200: None}, openapi_extra=EXPORT)
def export_agent(request: HttpRequest, slug: Slug, *, format: Form = "json") -> HttpResponse:  # noqa: A002
    """An agent as a file that can be imported elsewhere. It has no secrets."""
    _check(request, "view")
    found = Agent.objects.filter(slug=slug).first()
    if found is None:
        raise UnknownAgent(slug)
    response = HttpResponse(
        documents.dump([found], form=format), content_type=f"application/{format}"
    )
    response["Content-Disposition"] = f'attachment; filename="{slug}.{format}"'
    return response


@router.post("/agents", response={201: AgentOut}, openapi_extra=MARKED)
def create_agent(
    request: HttpRequest, payload: AgentIn, *, response: HttpResponse
) -> Status[Agent]:
    """Make an agent."""
    _check_manager(request, "add")
    made = documents.create(payload)
    response["ETag"] = documents.etag(made)
    return Status(201, made)


@router.patch("/agents/{slug}", response=AgentOut, openapi_extra=MARKED)
def change_agent(
    request: HttpRequest,
    slug: Slug,
    *,
    payload: AgentPatch,
    response: HttpResponse,
    if_match: IfMatch = None,
) -> Agent:
    """Change some of an agent. With `If-Match`, only if nobody else has changed it meanwhile."""
    _check_manager(request, "change")
    changes = payload.model_dump(exclude_unset=True)
    changed = documents.change(slug, changes, if_match=if_match)
    response["ETag"] = documents.etag(changed)
    return changed


@router.delete("/agents/{slug}", response={204: None})
def delete_agent(request: HttpRequest, slug: Slug, *, if_match: IfMatch = None) -> Status[None]:
    """Take an agent away. Its threads stay, and can go on with another one."""
    _check_manager(request, "delete")
    documents.delete(slug, if_match=if_match)
    return Status(204, None)


def _visible(request: HttpRequest) -> QuerySet[Agent]:
    return Agent.objects.all() if _may(request, "view") else Agent.objects.filter(active=True)


def _may(request: HttpRequest, what: str) -> bool:
    user = request.user
    return isinstance(user, AbstractUser) and user.has_perm(f"agents.{what}_agent")


def _check(request: HttpRequest, what: str) -> None:
    if not _may(request, what):
        raise NotAllowed


def _check_manager(request: HttpRequest, what: str) -> None:
    """Refuse who may not set agents up, and an API key that is not made for it."""
    may = getattr(request, "may", None)  # of an API key, if one came with the request
    if may is not None and not may(MANAGE):
        raise MissingScope(MANAGE)
    _check(request, what)
