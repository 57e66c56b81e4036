"""Any signature of types that tools know: schema, arguments as JSON, the call, and back."""

import inspect
import json
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from keyword import iskeyword
from types import GenericAlias
from typing import Annotated, Any, Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, TypeAdapter

from agents.tools import ToolContext
from agents.tools.definition import Tool, tool_from


class Colour(Enum):
    """A colour."""

    RED = "red"
    GREEN = "green"


class Point(BaseModel):
    """A place."""

    x: int
    y: float | None = None


class Path(BaseModel):
    """Places, one after the other."""

    points: list[Point]
    colour: Colour = Colour.RED


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
POINTS = st.builds(Point, x=st.integers(), y=st.none() | FLOATS)
PLAIN: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (float, FLOATS),
    (str, TEXT),
    (bool, st.booleans()),
    (date, st.dates()),
    (datetime, st.datetimes()),
    (UUID, st.uuids()),
    (Colour, st.sampled_from(Colour)),
    (Literal["a", "b", 3], st.sampled_from(["a", "b", 3])),
    (Point, POINTS),
    (Path, st.builds(Path, points=st.lists(POINTS, max_size=3), colour=st.sampled_from(Colour))),
    (Annotated[int, Field(ge=0, le=9)], st.integers(0, 9)),
    (Annotated[str, Field(max_length=20)], TEXT),
]


def around(hint: Any, values: st.SearchStrategy[Any]) -> list[tuple[Any, Any]]:  # noqa: ANN401
    """Return a type with those that are made of it."""
    return [
        (hint, values),
        (hint | None, st.none() | values),
        (GenericAlias(list, hint), st.lists(values, max_size=3)),
        (GenericAlias(dict, (str, hint)), st.dictionaries(TEXT, values, max_size=3)),
        (GenericAlias(tuple, (hint, int)), st.tuples(values, st.integers())),
    ]


def _may_be_name(name: str) -> bool:
    return not iskeyword(name)


TYPES = [each for pair in PLAIN for each in around(*pair)]
OWN = ["json", "copy", "schema", "model_config", "model_dump", "validate", "given_x", "context"]
NAMES = st.lists(
    st.sampled_from(OWN) | st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True).filter(_may_be_name),
    min_size=1,
    max_size=5,
    unique=True,
)


def function_of(
    parameters: dict[str, tuple[Any, Any]], called: Callable[[dict[str, Any]], None]
) -> Callable[..., Any]:
    """Make a function of a signature: each parameter's type, and its default or `empty`."""

    def function(**given: Any) -> str:
        called(given)
        return "done"

    kind = inspect.Parameter.KEYWORD_ONLY
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind, default=each[1]) for name, each in parameters.items()]
    )
    function.__annotations__ = {name: hint for name, (hint, _) in parameters.items()}
    described = "\n".join(f"    {name}: The {name}." for name in parameters)
    function.__doc__ = f"Do something.\n\nArgs:\n{described}\n"
    return function


@st.composite
def signatures(draw: st.DrawFn) -> tuple[dict[str, tuple[Any, Any]], dict[str, Any], str]:
    """Draw a signature, what the function is to be given, and the arguments that say so."""
    parameters: dict[str, tuple[Any, Any]] = {}
    wanted: dict[str, Any] = {}
    sent: dict[str, Any] = {}
    for name in draw(NAMES):
        hint, values = draw(st.sampled_from(TYPES))
        default = draw(st.just(inspect.Parameter.empty) | values)
        parameters[name] = hint, default
        if default is not inspect.Parameter.empty and draw(st.booleans()):
            wanted[name] = default  # it is left out
        else:
            wanted[name] = draw(values)
            sent[name] = TypeAdapter(hint).dump_python(wanted[name], mode="json")
    return parameters, wanted, json.dumps(sent)


@given(drawn=signatures())
def test_arguments_go_there_and_back(
    drawn: tuple[dict[str, tuple[Any, Any]], dict[str, Any], str],
) -> None:
    parameters, wanted, written = drawn
    heard: list[dict[str, Any]] = []
    made: Tool = tool_from(function_of(parameters, heard.append), name="it")

    result = made.call(made.parse(written), ToolContext())

    assert (result, heard) == ("done", [wanted])
    Draft202012Validator.check_schema(made.parameters)
    Draft202012Validator(made.parameters).validate(json.loads(written))
    schema: Any = made.parameters
    assert set(schema["properties"]) == set(parameters)
    assert set(schema.get("required", [])) == {
        name for name, (_, default) in parameters.items() if default is inspect.Parameter.empty
    }
