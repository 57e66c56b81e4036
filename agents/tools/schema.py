"""From a function's signature and docstring to its JSON Schema, checked at import."""

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model
from pydantic.fields import FieldInfo

from agents.tools.context import ToolContext

FIELD = "given_"  # before the names of a model's fields: some are Pydantic's own

_ARGUMENT = re.compile(r"^(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")


def describe(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Read a Google-style docstring: what the function does, and what each argument is."""
    text = inspect.getdoc(function) or ""
    summary, _, rest = text.partition("\nArgs:\n")
    arguments: dict[str, str] = {}
    current = ""
    for line in rest.splitlines():
        if line and not line.startswith(" "):
            break  # the next section
        if found := _ARGUMENT.match(line.strip()):
            current = found[1]
            arguments[current] = found[2]
        elif current and line.strip():
            arguments[current] += " " + line.strip()
    return summary.strip(), arguments


def arguments_model(function: Callable[..., Any]) -> tuple[type[BaseModel], bool]:
    """Make the model of a tool's arguments; tell whether it takes the context first.

    Raises:
        TypeError: A parameter has no type or no description, or the context is misplaced.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())
    takes_context = bool(parameters) and hints.get(parameters[0].name) is ToolContext
    described = describe(function)[1]
    fields: dict[str, Any] = {}
    for parameter in parameters[1 if takes_context else 0 :]:
        where = f"{function.__name__}({parameter.name})"
        hint = _checked_hint(parameter, hints.get(parameter.name), where=where)
        description = described.get(parameter.name) or _annotated_description(hint)
        if not description:
            msg = f"{where}: describe the parameter in the docstring's Args."
            raise TypeError(msg)
        default = ... if parameter.default is parameter.empty else parameter.default
        field = Field(default=default, description=description, alias=parameter.name)
        fields[f"{FIELD}{parameter.name}"] = hint, field
    config = ConfigDict(extra="forbid", title=function.__name__)
    model: type[BaseModel] = create_model(function.__name__, __config__=config, **fields)
    return model, takes_context


def parameters_schema(model: type[BaseModel]) -> dict[str, JsonValue]:
    """Return the JSON Schema of a tool's arguments, without titles nobody reads."""
    schema = model.model_json_schema()
    _drop_titles(schema)
    return schema


def _checked_hint(parameter: inspect.Parameter, hint: object, *, where: str) -> object:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        msg = f"{where}: a tool has no * or positional-only parameters."
        raise TypeError(msg)
    if hint is None:
        msg = f"{where}: give the parameter a type."
        raise TypeError(msg)
    if hint is ToolContext:
        msg = f"{where}: the context is the first parameter."
        raise TypeError(msg)
    return hint


def _annotated_description(hint: object) -> str | None:
    if get_origin(hint) is not Annotated:
        return None
    for extra in get_args(hint)[1:]:
        if isinstance(extra, FieldInfo) and extra.description:
            return extra.description
        if isinstance(extra, str):
            return extra
    return None


def _drop_titles(schema: object) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for value in schema.values():
            _drop_titles(value)
    elif isinstance(schema, list):
        for value in schema:
            _drop_titles(value)
