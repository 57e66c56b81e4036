"""`/agents`: who can be talked to."""

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.pagination import paginate

from agents import selectors
from agents.models import Agent

router = Router(tags=["agents"])


class AgentOut(Schema):
    """An agent that answers."""

    slug: str
    name: str
    description: str
    model: str
    tools: list[str]


@router.get("/agents", response=list[AgentOut])
@paginate
def list_agents(request: HttpRequest) -> QuerySet[Agent]:
    """The agents that are switched on."""
    return selectors.active_agents()
