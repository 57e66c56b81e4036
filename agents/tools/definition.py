"""`@tool`: a typed function with a docstring becomes something a model can call."""

import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, overload

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import to_jsonable_python

from agents import loop
from agents.errors import ToolError
from agents.text import clean_json
from agents.tools.context import ToolContext
from agents.tools.schema import FIELD, arguments_model, describe, parameters_schema

DEFAULT_TIMEOUT_SECONDS = 30.0
DEFAULT_RESULT_LIMIT = 20_000


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model can call.

    Attributes:
        name: What the model calls it.
        description: What the model reads about it.
        parameters: The JSON Schema of its arguments.
        function: The function itself.
        model: Checks the arguments.
        takes_context: Whether its first parameter is the `ToolContext`.
        timeout_seconds: After this time the model is told that it took too long.
        idempotent: Whether it is safe to call again after a crash.
        result_limit: Longer results are cut, in characters of JSON, and kept whole elsewhere.
        needs_approval: Whether a person has to allow each call.
        in_order: Whether calls of such tools in one round are made one after the other, in the
            order of the calls: for those that change something in common.
        aliases: Other names it answers to.
    """

    name: str
    description: str
    parameters: dict[str, JsonValue]
    function: Callable[..., Any] = field(repr=False)
    model: type[BaseModel] = field(repr=False)
    takes_context: bool = False
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    idempotent: bool = False
    result_limit: int = DEFAULT_RESULT_LIMIT
    needs_approval: bool = False
    in_order: bool = False
    aliases: tuple[str, ...] = ()

    def parse(self, arguments: str) -> BaseModel:
        """Check arguments as a model wrote them.

        Raises:
            ToolError: They are no JSON object or don't fit; the sentence says how.
        """
        try:
            return self.model.model_validate_json(arguments or "{}")
        except ValidationError as error:
            faults = "; ".join(_fault(each["loc"], each["msg"]) for each in error.errors())
            msg = f"The arguments of {self.name} don't fit: {faults}. Correct them and call again."
            raise ToolError(msg) from error

    def call(self, arguments: BaseModel, context: ToolContext) -> JsonValue:
        """Call the function, in this thread, and return its result as a JSON value."""
        names = type(arguments).model_fields
        given = {name.removeprefix(FIELD): getattr(arguments, name) for name in names}
        first = (context,) if self.takes_context else ()
        result = self.function(*first, **given)
        if inspect.iscoroutine(result):
            result = loop.wait(
                result, cancellation=context.cancellation, timeout_seconds=self.timeout_seconds
            )
        return self.limited(clean_json(to_jsonable_python(result, fallback=str)), context)

    def limited(self, result: JsonValue, context: ToolContext) -> JsonValue:
        """Cut a result that is too long; the whole is kept, to be read in parts."""
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        if len(text) <= self.result_limit:
            return result
        left_out = len(text) - self.result_limit
        name = context.artifacts.keep(text)
        return (
            f"{text[: self.result_limit]}\n[cut: {left_out} more characters; read_result goes on "
            f"with name={name!r}, first_character={self.result_limit}]"
        )


@overload
def tool(function: Callable[..., Any]) -> Tool: ...


@overload
def tool(
    *,
    name: str | None = None,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    idempotent: bool = False,
    result_limit: int = DEFAULT_RESULT_LIMIT,
    needs_approval: bool = False,
    in_order: bool = False,
    aliases: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a tool of a typed function with a docstring.

    Args:
        function: The function, when used without brackets.
        options: `name`, `timeout_seconds`, `idempotent`, `result_limit`, `needs_approval`,
            `in_order`, `aliases`.

    Raises:
        TypeError: The function has no docstring, or a parameter lacks a type or description.
    """
    if function is None:
        return lambda decorated: tool_from(decorated, **options)
    return tool_from(function, **options)


def tool_from(function: Callable[..., Any], *, name: str | None = None, **options: Any) -> Tool:
    """Make a tool of a function, the way `@tool` does."""
    summary, _ = describe(function)
    if not summary:
        msg = f"{function.__name__}: a tool needs a docstring; the model reads it."
        raise TypeError(msg)
    model, takes_context = arguments_model(function)
    return Tool(
        name=name or function.__name__,
        description=summary,
        parameters=parameters_schema(model),
        function=function,
        model=model,
        takes_context=takes_context,
        **options,
    )


def _fault(place: tuple[int | str, ...], message: str) -> str:
    where = ".".join(str(part) for part in place)
    return f"{where}: {message}" if where else message
