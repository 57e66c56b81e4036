"""Which agents there are. Reads only."""

from django.conf import settings
from django.db.models import QuerySet

from agents.errors import NoSuchAgent
from agents.models import Agent
from agents.tools.collection import Registry
from agents.tools.registry import registry
from agents.tools.workspace import Workspace

DEMO = "demo"


def active_agents() -> QuerySet[Agent]:
    """Return the agents that answer, the oldest first."""
    return Agent.objects.filter(active=True)


def active_agent(slug: str) -> Agent:
    """Return the active agent of this slug.

    Raises:
        NoSuchAgent: There is none, or it is switched off.
    """
    found = active_agents().filter(slug=slug).first()
    if found is None:
        raise NoSuchAgent(slug)
    return found


def default_agent() -> Agent:
    """Return the agent for who names none: the oldest with a real model, else the demo.

    Raises:
        NoSuchAgent: No agent is active.
    """
    found = active_agents().exclude(slug=DEMO).first() or active_agents().first()
    if found is None:
        raise NoSuchAgent(DEMO)
    return found


def tools_of(agent: Agent) -> Registry:
    """Return the tools that are switched on for an agent."""
    return Registry(registry.named(agent.tools))


def workspace_of(agent: Agent) -> Workspace:
    """Return the folder that an agent's tools read and write."""
    return Workspace(settings.DATA_DIR / "workspaces" / agent.slug)
