"""The skills of one agent: what its model is told of them, and the tools that load them."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Annotated

from pydantic import Field

from agents.errors import ToolError
from agents.events import SkillLoaded
from agents.skills.loader import FILE, Skill
from agents.text import clean
from agents.tools import Tool, ToolContext, tool
from agents.tools.workspace import Workspace

LOAD = "load_skill"
READ = "read_skill_resource"
MOST_BODY = 60_000  # characters

CATALOGUE = """\
You have skills: instructions for certain kinds of work. Before you begin such work, load its \
skill with `load_skill` and follow it. Load none that you don't need."""

_Name = Annotated[str, Field(description="The skill's name.")]


def catalogue(skills: Mapping[str, Skill]) -> str:
    """Return what a model is told of its skills; nothing if it has none."""
    if not skills:
        return ""
    lines = [f"- {skill.name}: {clean(skill.description)}" for skill in skills.values()]
    return "\n".join([CATALOGUE, *lines])


def loaded_text(skill: Skill) -> str:
    """Return what a model reads once a skill is loaded."""
    files = skill.files()
    beside = "\n".join(f"  {clean(file)}" for file in files)
    listed = f"\n\nFiles beside it, for `{READ}`:\n{beside}" if files else ""
    body = clean(skill.body[:MOST_BODY])
    return f"{opening(skill.name)}\n{body}{listed}\n</skill>"


def opening(name: str) -> str:
    """Return how the text of a loaded skill begins."""
    return f'<skill name="{escape(name)}">'


def skill_tools(skills: Mapping[str, Skill], *, loaded: Sequence[str] = ()) -> list[Tool]:
    """Return the tools that load an agent's skills; none if it has no skill.

    Args:
        skills: The skills that are switched on for the agent.
        loaded: The names of those that stand in the conversation already.
    """
    if not skills:
        return []
    there = set(loaded)

    @tool(name=LOAD, idempotent=True, result_limit=MOST_BODY + 10_000)
    def load_skill(context: ToolContext, name: _Name) -> str:
        """Read how a kind of work is done: the instructions of one of your skills."""
        skill = _one(skills, name)
        if skill.name in there:
            return f"The skill {skill.name} is loaded: its text stands in this conversation."
        there.add(skill.name)
        text = loaded_text(skill)
        context.emit(SkillLoaded(run=context.run, skill=skill.name))
        return text

    @tool(name=READ, idempotent=True, result_limit=60_000)
    def read_skill_resource(
        skill: _Name,
        path: Annotated[str, Field(description="A file of the skill, such as 'references/a.md'.")],
    ) -> str:
        """Read a file that belongs to one of your skills."""
        found = _one(skills, skill)
        content = Workspace(found.folder).read(path)
        try:
            return clean(content.decode())
        except UnicodeDecodeError as error:
            msg = f"{path!r} is no text: it has {len(content):,} bytes of something else."
            raise ToolError(msg) from error

    return [load_skill, read_skill_resource]


def named_in(message: str, skills: Mapping[str, Skill]) -> Skill | None:
    """Return the skill that a person names at the beginning of a message: "/name" or "$name"."""
    first = message.split(maxsplit=1)[0] if message.strip() else ""
    return skills.get(first[1:]) if first[:1] in {"/", "$"} else None


def _one(skills: Mapping[str, Skill], name: str) -> Skill:
    found = skills.get(name.strip().removesuffix(f"/{FILE}"))
    if found is None:
        msg = f"There is no skill {name!r}. There are: {', '.join(skills)}."
        raise ToolError(msg)
    return found
