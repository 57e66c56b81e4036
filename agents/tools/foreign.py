"""Tools of whoever asks: a model is told of them, and somebody else makes the calls."""

from typing import NoReturn

from pydantic import BaseModel, ConfigDict, JsonValue

from agents.tools.definition import Tool
from agents.tools.json_schema import validator


class _Given(BaseModel):
    """Arguments that nobody here reads."""

    model_config = ConfigDict(extra="allow")


def foreign_tool(name: str, *, description: str, parameters: dict[str, JsonValue]) -> Tool:
    """Return a tool that is called elsewhere.

    Args:
        name: What the model calls it.
        description: What the model reads about it.
        parameters: The JSON Schema of its arguments.

    Raises:
        ValueError: It is no JSON Schema, or refers to something that is not in it.
    """
    validator(parameters)
    return Tool(
        name=name,
        description=description or name,
        parameters=parameters,
        function=_elsewhere,
        model=_Given,
    )


def _elsewhere() -> NoReturn:
    msg = "This tool is called by whoever asked."
    raise AssertionError(msg)
