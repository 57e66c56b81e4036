"""Long results, in parts."""

from typing import Annotated

from pydantic import Field

from agents.errors import ToolError
from agents.tools.context import ToolContext
from agents.tools.definition import tool

PART = 15_000


@tool(idempotent=True, result_limit=PART + 1_000)
def read_result(
    context: ToolContext,
    name: Annotated[str, Field(description="The name that stands where the result was cut.")],
    first_character: Annotated[int, Field(ge=0, description="Where to begin.")] = 0,
) -> str:
    """Read a part of a tool's result that was too long to be shown whole."""
    text = context.artifacts.get(name.strip())
    if text is None:
        msg = f"No result {name!r} is kept. Call the tool again."
        raise ToolError(msg)
    if first_character >= len(text):
        msg = f"The result has {len(text)} characters; none stands at {first_character}."
        raise ToolError(msg)
    end = first_character + PART
    rest = len(text) - end
    note = f"\n[{rest} more characters; go on with first_character={end}]" if rest > 0 else ""
    return text[first_character:end] + note
