"""Which agents there are. Reads only."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.db.models import QuerySet

from agents.delegation import MOST_DEPTH, NEEDS_A_PERSON, Delegate, delegate_tool
from agents.endpoints import broker
from agents.errors import NoSuchAgent
from agents.mcp_servers import tools_named
from agents.models import Agent
from agents.skills import Found, Skill, find
from agents.skills.loader import signature
from agents.skills.selection import catalogue, skill_tools
from agents.tools import Tool
from agents.tools.builtin.results import read_result
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
    try:
        return active_agents().get(slug=slug)
    except Agent.DoesNotExist:
        raise NoSuchAgent(slug) from None


def active_slug(slug: str) -> str:
    """Return the slug of an active agent as it came, without a look at the rest of it.

    Raises:
        NoSuchAgent: There is none, or it is switched off.
    """
    if not active_agents().filter(slug=slug).exists():
        raise NoSuchAgent(slug)
    return slug


def default_agent() -> Agent:
    """Return the agent for who names none: the oldest with a real model, else the demo.

    Raises:
        NoSuchAgent: No agent is active.
    """
    found = active_agents().exclude(slug=DEMO).first() or active_agents().first()
    if found is None:
        raise NoSuchAgent(DEMO)
    return found


@dataclass(frozen=True, slots=True)
class Equipment:
    """What is switched on for an agent, as it stands when its run begins.

    Attributes:
        own: Its tools; one that asks for a person's leave says so.
        skills: Its skills, by name.
        others: The agents that it may ask, as tools.
    """

    own: tuple[Tool, ...]
    skills: dict[str, Skill]
    others: tuple[Tool, ...]

    def tools(self, *, loaded: Sequence[str] = (), allowed: Collection[str] = ()) -> Registry:
        """Return all that the agent may call.

        Args:
            loaded: The skills that stand in the conversation already.
            allowed: The tools that need no leave any more in this conversation.
        """
        own = (replace(t, needs_approval=False) if t.name in allowed else t for t in self.own)
        return Registry([*own, *skill_tools(self.skills, loaded=loaded), *self.others])

    def alone(self) -> "Equipment":
        """Return what there is of it where no person can be asked."""
        fit = [t for t in self.own if not t.needs_approval and t.name not in NEEDS_A_PERSON]
        return replace(self, own=tuple(fit))


def equipment_of(agent: Agent, *, callers: tuple[str, ...] = ()) -> Equipment:
    """Return the tools that are switched on for an agent, with its skills and other agents.

    Args:
        agent: The agent.
        callers: The agents that have asked each other down to this one; it can't ask them back.
    """
    wanted = [*agent.tools, read_result.name] if agent.tools else []
    named = [*registry.named(dict.fromkeys(wanted)), *tools_named(agent.tools)]
    return Equipment(
        own=tuple(_with_leave(tool, agent) for tool in named),
        skills=skills_of(agent),
        others=tuple(delegate_tool(each, broker) for each in _delegates(agent, callers)),
    )


def _delegates(agent: Agent, callers: tuple[str, ...]) -> Iterator[Delegate]:
    """Yield the agents that an agent may ask, with what they may call and ask themselves."""
    chain = (*callers, agent.slug)
    asked = set(agent.delegates) - set(chain)
    if not asked or len(chain) > MOST_DEPTH:
        return
    for each in active_agents().filter(slug__in=asked):
        equipment = equipment_of(each, callers=chain).alone()
        told = [text for text in (each.system_prompt, catalogue(equipment.skills)) if text]
        yield Delegate(
            slug=each.slug,
            name=each.name,
            description=each.description,
            model=each.model,
            fallbacks=each.fallbacks,
            system_prompt="\n\n".join(told),
            config=each.config,
            tools=equipment.tools,
            workspace=workspace_of(each),
        )


def _with_leave(tool: Tool, agent: Agent) -> Tool:
    """Return a tool that needs a person's leave if it always does, or with this agent."""
    return replace(tool, needs_approval=True) if tool.name in agent.approvals else tool


def skills_of(agent: Agent) -> dict[str, Skill]:
    """Return the skills that are switched on for an agent, and are there."""
    wanted = set(agent.skills)
    if not wanted:
        return {}  # without a look at all the files
    return {name: skill for name, skill in skills().skills.items() if name in wanted}


def skills() -> Found:
    """Return the skills that there are, as their files stand now."""
    folders = tuple(settings.SKILLS_DIRS)
    return _found(folders, signature(folders))


@lru_cache(maxsize=4)
def _found(folders: tuple[Path, ...], _: object) -> Found:
    return find(folders)


def workspace_of(agent: Agent) -> Workspace:
    """Return the folder that an agent's tools read and write."""
    return Workspace(settings.DATA_DIR / "workspaces" / agent.slug)
