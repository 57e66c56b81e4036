"""An agent as a document: what programs change, and what is exported and imported.

A document has everything that makes an agent, and no secret: keys are in the environment.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

import yaml
from django.core.exceptions import ValidationError
from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field
from pydantic import ValidationError as Unreadable

from agents import mcp_servers, selectors
from agents.errors import AgentExists, BadAgent, ChangedMeanwhile, UnknownAgent
from agents.models import Agent, lines
from agents.text import clean_json
from agents.tools.registry import registry

FORMAT = "parley.agents"
RESERVED = "import"  # as an address
MOST_BYTES = 2_000_000
MOST_AGENTS = 500
TEXTS = {"stop": "stop_texts", "fallback_models": "fallback_models"}  # lists here, lines there


class AgentFields(BaseModel):
    """What can be said of an agent. What is left out stays, or is the default."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=100)
    description: str = Field("", max_length=300, description="One sentence for who picks one.")
    model: str = Field("", max_length=200, description="Such as demo/assistant or openai/…")
    system_prompt: str = Field("", max_length=200_000)
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1, le=2**31 - 1)
    top_p: float | None = Field(None, ge=0, le=1)
    top_k: int | None = Field(None, ge=1, le=2**31 - 1)
    num_ctx: int | None = Field(None, ge=1, le=2**31 - 1)
    reasoning_effort: Literal["", "low", "medium", "high"] = ""
    seed: int | None = Field(None, ge=-(2**31), le=2**31 - 1)
    stop: list[str] = Field([], max_length=4)
    max_tool_iterations: int = Field(10, ge=1, le=100)
    fallback_models: list[str] = Field([], max_length=20)
    tools: list[str] = Field([], max_length=500)
    approvals: list[str] = Field([], max_length=500, description="Tools that need leave.")
    skills: list[str] = Field([], max_length=500)
    delegates: list[str] = Field([], max_length=500, description="Agents it may ask, by slug.")
    over_mcp: bool = False
    active: bool = True


class AgentDocument(AgentFields):
    """A whole agent."""

    slug: str = Field(pattern=r"^[-a-zA-Z0-9_]{1,50}$", max_length=50)
    name: str = Field(min_length=1, max_length=100)
    model: str = Field(min_length=1, max_length=200)


class AgentsFile(BaseModel):
    """A file of agents."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["parley.agents"]
    version: Literal[1]
    agents: list[AgentDocument] = Field(max_length=MOST_AGENTS)


def document(agent: Agent) -> AgentDocument:
    """Return an agent as a document."""
    same = AgentDocument.model_fields.keys() - TEXTS.keys()
    held: dict[str, Any] = {name: getattr(agent, name) for name in same}
    return AgentDocument(
        **held, stop=lines(agent.stop_texts), fallback_models=lines(agent.fallback_models)
    )


def etag(agent: Agent) -> str:
    """Return the mark of an agent as it stands, for HTTP."""
    text = document(agent).model_dump_json()
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def create(wanted: AgentDocument) -> Agent:
    """Make an agent.

    Raises:
        AgentExists: Its slug is taken.
        BadAgent: It can't be like that; the sentence says why.
    """
    with transaction.atomic():
        if Agent.objects.filter(slug=wanted.slug).exists():
            raise AgentExists(wanted.slug)
        return _saved(Agent(slug=wanted.slug), wanted, slugs={wanted.slug})


def change(slug: str, changes: dict[str, Any], *, if_match: str | None = None) -> Agent:
    """Change an agent.

    Args:
        slug: Which one.
        changes: Some of the fields of `AgentFields`.
        if_match: The mark that it must have still.

    Raises:
        UnknownAgent: It is not there.
        ChangedMeanwhile: It has another mark.
        BadAgent: It can't be like that; the sentence says why.
    """
    with transaction.atomic():
        agent = _locked(slug, if_match)
        try:
            wanted = AgentDocument.model_validate(document(agent).model_dump() | changes)
        except Unreadable as error:
            raise BadAgent(_sentence(error)) from error
        return _saved(agent, wanted, slugs={slug})


def delete(slug: str, *, if_match: str | None = None) -> None:
    """Take an agent away. Threads keep its name, and what it said.

    Raises:
        UnknownAgent: It is not there.
        ChangedMeanwhile: It has another mark than `if_match`.
    """
    with transaction.atomic():
        _locked(slug, if_match).delete()


def _locked(slug: str, if_match: str | None) -> Agent:
    agent = Agent.objects.select_for_update().filter(slug=slug).first()
    if agent is None:
        raise UnknownAgent(slug)
    if if_match is not None and if_match.strip() != "*":
        marks = {mark.strip().removeprefix("W/") for mark in if_match.split(",")}
        if etag(agent) not in marks:
            raise ChangedMeanwhile(slug)
    return agent


# Files ------------------------------------------------------------------------------------------


def dump(agents: Sequence[Agent], *, form: Literal["json", "yaml"] = "json") -> str:
    """Write agents as a file."""
    told = [document(agent).model_dump(exclude_defaults=True) for agent in agents]
    documents = [{"slug": agent.slug, **each} for agent, each in zip(agents, told, strict=True)]
    content = {"format": FORMAT, "version": 1, "agents": documents}
    if form == "yaml":
        text: str = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=100)
        return text
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def load(text: str | bytes, *, replace: bool = False) -> list[Agent]:
    """Read a file of agents, JSON or YAML, and make them: all of them, or none.

    Args:
        text: What `dump` wrote, or a person did.
        replace: Whether an agent of the same slug is changed to what the file says.

    Raises:
        BadAgent: It can't be read, or one of its agents can't be like that.
        AgentExists: A slug is taken, and `replace` is not wanted.
    """
    wanted = _read(text)
    slugs = {each.slug for each in wanted}
    made: list[Agent] = []
    with transaction.atomic():
        held = Agent.objects.select_for_update().in_bulk(slugs, field_name="slug")
        for each in wanted:
            if each.slug in held and not replace:
                raise AgentExists(each.slug)
            agent = held.get(each.slug) or Agent(slug=each.slug)
            made.append(_saved(agent, each, slugs=slugs))
    return made


def _read(text: str | bytes) -> list[AgentDocument]:
    if len(text) > MOST_BYTES:
        msg = f"The file has more than {MOST_BYTES:,} bytes."
        raise BadAgent(msg)
    try:
        # YAML is a superset of JSON; anchors could unfold to more than memory holds.
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            msg = "YAML with aliases (*name) is not read."
            raise BadAgent(msg)
        file = AgentsFile.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError, UnicodeError, ValueError) as error:
        told = _sentence(error) if isinstance(error, Unreadable) else " ".join(str(error).split())
        msg = f"This is no file of agents: {told[:500]}"
        raise BadAgent(msg) from error
    if len({each.slug for each in file.agents}) < len(file.agents):
        msg = "A slug stands in the file twice."
        raise BadAgent(msg)
    return file.agents


def _saved(agent: Agent, wanted: AgentDocument, *, slugs: set[str]) -> Agent:
    """Take a document into a row, if it may be like that.

    Args:
        agent: The row, new or old.
        wanted: What it is to be.
        slugs: Agents that will be there beside those that are.
    """
    if wanted.slug == RESERVED:
        msg = f"slug: {RESERVED!r} is an address of its own. Take another one."
        raise BadAgent(msg)
    _check_names(agent, wanted, slugs)
    for name, value in wanted.model_dump().items():
        if clean_json(value) != value:
            msg = f"{name}: it has a NUL or a broken character in it."
            raise BadAgent(msg)
        column = TEXTS.get(name)
        setattr(agent, column or name, "\n".join(value) if column else value)
    try:
        agent.full_clean()
    except ValidationError as error:
        faults = [f"{name}: {' '.join(each)}" for name, each in error.message_dict.items()]
        raise BadAgent("; ".join(faults)) from error
    agent.save()
    return agent


def _check_names(agent: Agent, wanted: AgentDocument, slugs: set[str]) -> None:
    """Refuse names of tools, skills and agents that mean nothing here; those it has may stay."""
    tools = {tool.name for tool in (*registry.all(), *mcp_servers.all_tools())}
    others = slugs | set(Agent.objects.values_list("slug", flat=True))
    known = {
        "tools": tools,
        "approvals": tools,
        "skills": set(selectors.skills().skills),
        "delegates": others,
    }
    for name, there in known.items():
        missing = set(getattr(wanted, name)) - there - set(getattr(agent, name))
        if missing:
            msg = f"{name}: there is nothing named {', '.join(sorted(missing))} here."
            raise BadAgent(msg)


def _sentence(error: Unreadable) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()
    )
