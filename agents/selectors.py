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


def tools_of(
    agent: Agent,
    *,
    loaded: Sequence[str] = (),
    allowed: Collection[str] = (),
) -> Registry:
    """Return the tools that are switched on for an agent, with its skills and other agents.

    Args:
        agent: The agent.
        loaded: The skills that stand in the conversation already.
        allowed: The tools that need no leave any more in this conversation.
    """
    return _parts(agent, allowed, ()).registry(loaded)


def tools_alone(agent: Agent) -> Registry:
    """Return the tools of an agent that can't ask a person."""
    return _parts(agent, (), ()).alone().registry()


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the tools of an agent are put together from."""

    tools: tuple[Tool, ...]
    skills: dict[str, Skill]
    others: tuple[Tool, ...]

    def registry(self, loaded: Sequence[str] = ()) -> Registry:
        return Registry([*self.tools, *skill_tools(self.skills, loaded=loaded), *self.others])

    def alone(self) -> "_Parts":
        """Return what an agent has that can't ask a person."""
        fit = [t for t in self.tools if not t.needs_approval and t.name not in NEEDS_A_PERSON]
        return replace(self, tools=tuple(fit))


def _parts(agent: Agent, allowed: Collection[str], callers: tuple[str, ...]) -> _Parts:
    wanted = [*agent.tools, read_result.name] if agent.tools else []
    named = [*registry.named(dict.fromkeys(wanted)), *tools_named(agent.tools)]
    return _Parts(
        tools=tuple(_with_leave(tool, agent, allowed) for tool in named),
        skills=skills_of(agent),
        others=tuple(delegate_tool(each, broker) for each in _delegates(agent, callers)),
    )


def _delegates(agent: Agent, callers: tuple[str, ...]) -> Iterator[Delegate]:
    """Yield the agents that an agent may ask, with what they may call and ask themselves."""
    chain = (*callers, agent.slug)
    if len(chain) > MOST_DEPTH:
        return
    for each in active_agents().filter(slug__in=set(agent.delegates) - set(chain)):
        parts = _parts(each, (), chain).alone()
        told = [text for text in (each.system_prompt, catalogue(parts.skills)) if text]
        yield Delegate(
            slug=each.slug,
            name=each.name,
            description=each.description,
            model=each.model,
            fallbacks=each.fallbacks,
            system_prompt="\n\n".join(told),
            config=each.config,
            tools=parts.registry,
            workspace=workspace_of(each),
        )


def _with_leave(tool: Tool, agent: Agent, allowed: Collection[str]) -> Tool:
    """Return a tool that needs a person's leave if it always does, or with this agent."""
    needs = (tool.needs_approval or tool.name in agent.approvals) and tool.name not in allowed
    return tool if needs == tool.needs_approval else replace(tool, needs_approval=needs)


def skills_of(agent: Agent) -> dict[str, Skill]:
    """Return the skills that are switched on for an agent, and are there."""
    wanted = set(agent.skills)
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
