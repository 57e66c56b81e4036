"""`@tool`: what a function becomes, and what is refused at import."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from agents.errors import ToolError
from agents.tools import Tool, ToolContext, tool
from agents.tools.collection import Registry
from agents.tools.registry import registry


class Colour(StrEnum):
    """A paint."""

    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    """A place."""

    x: int
    y: int = 0


@tool(timeout_seconds=5)
def paint(
    context: ToolContext,
    where: Point,
    colour: Colour = Colour.RED,
    note: Annotated[str, Field(description="What to write beside it.")] = "",
) -> dict[str, Any]:
    """Paint a point.

    Only points can be painted.

    Args:
        context: The run.
        where: The point, from the
            lower left corner.
        colour: The paint.

    Returns:
        What was painted.
    """
    return {"where": where, "colour": colour, "note": note, "agent": context.agent}


def test_the_model_reads_the_docstring_and_the_types() -> None:
    assert paint.name == "paint"
    assert paint.description == "Paint a point.\n\nOnly points can be painted."
    properties: Any = paint.parameters["properties"]
    assert list(properties) == ["where", "colour", "note"]
    assert properties["where"]["description"] == "The point, from the lower left corner."
    assert properties["note"] == {
        "default": "",
        "description": "What to write beside it.",
        "type": "string",
    }
    assert paint.parameters["required"] == ["where"]


def test_a_call_gets_checked_values_and_the_context() -> None:
    arguments = paint.parse('{"where": {"x": 3}, "colour": "blue"}')

    result = paint.call(arguments, ToolContext(agent="demo"))

    assert result == {
        "where": {"x": 3, "y": 0},
        "colour": "blue",
        "note": "",
        "agent": "demo",
    }


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("{}", "where: Field required"),
        ('{"where": {"x": "far"}}', "where.x: "),
        ('{"where": {"x": 1}, "size": 2}', "size: Extra inputs"),
        ("[1]", "Input should be an object"),
        ("not json", "Invalid JSON"),
    ],
)
def test_arguments_that_do_not_fit_are_a_sentence_for_the_model(arguments: str, fault: str) -> None:
    with pytest.raises(ToolError, match="The arguments of paint don't fit") as refused:
        paint.parse(arguments)

    assert fault in str(refused.value)


def test_a_long_result_is_cut() -> None:
    @tool(result_limit=10)
    def talk() -> str:
        """Talk."""
        return "x" * 25

    context = ToolContext()

    result = talk.call(talk.parse(""), context)

    assert isinstance(result, str)
    assert result.startswith("x" * 10 + "\n[cut: 15 more characters; read_result goes on")
    name = result.partition("name='")[2][:32]
    assert context.artifacts.get(name) == "x" * 25


def test_an_async_function_is_a_tool_too() -> None:
    @tool
    async def wait_a_little(words: str) -> str:
        """Wait.

        Args:
            words: What to say then.
        """
        return words

    assert wait_a_little.call(wait_a_little.parse('{"words": "hi"}'), ToolContext()) == "hi"


def without_docstring(x: int) -> int:
    return x


def without_description(x: int) -> int:
    """Add."""
    return x


def without_type(x) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Add.

    Args:
        x: A number.
    """
    return int(x)


def with_stars(*numbers: int) -> int:
    """Add.

    Args:
        numbers: Numbers.
    """
    return sum(numbers)


def with_late_context(x: int, context: ToolContext) -> int:
    """Add.

    Args:
        x: A number.
        context: The run.
    """
    return x


@pytest.mark.parametrize(
    ("function", "fault"),
    [
        (without_docstring, "needs a docstring"),
        (without_description, r"without_description\(x\): describe the parameter"),
        (without_type, r"without_type\(x\): give the parameter a type"),
        (with_stars, "no \\* or positional-only"),
        (with_late_context, "the context is the first parameter"),
    ],
)
def test_what_a_model_could_not_use_is_refused_at_import(
    function: Callable[..., Any], fault: str
) -> None:
    with pytest.raises(TypeError, match=fault):
        tool(function)


def test_a_name_or_alias_is_taken_once() -> None:
    def named(name: str, *aliases: str) -> Tool:
        return tool(name=name, aliases=aliases)(_nothing)

    tools = Registry([named("a", "b")])
    assert tools.get("b") is tools.get("a")
    for clash in (named("b"), named("c", "a")):
        with pytest.raises(ValueError, match="Two tools answer to"):
            tools.add(clash)


def _nothing() -> None:
    """Do nothing."""


def test_a_tool_that_is_gone_is_left_out() -> None:
    assert [each.name for each in registry.named(["calculator", "gone"])] == ["calculator"]
    assert registry.get("get_current_datetime") is registry.get("current_datetime")
