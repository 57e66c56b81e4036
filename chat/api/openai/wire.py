"""What clients of OpenAI send, read; and what they get, written."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from agents.errors import AgentError
from agents.messages import Part, ToolCall, Turn, Usage
from agents.text import clean_json
from agents.tools.foreign import foreign_tool
from chat.api.openai.errors import OpenAIError
from chat.completions import ForeignTool

MOST_MESSAGES = 5_000
MOST_TOOLS = 128

Body = TypeVar("Body", bound=BaseModel)


class Given(BaseModel):
    """What a client may send. Fields that are not known here are passed over, as elsewhere."""

    model_config = ConfigDict(extra="ignore")


class FunctionIn(Given):
    """A function that the client offers."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None


class ToolIn(Given):
    """A tool that the client offers."""

    type: Literal["function"]
    function: FunctionIn


class CalledIn(Given):
    """The function of a call."""

    name: str
    arguments: str


class CallIn(Given):
    """A call that an earlier answer wanted."""

    id: str = Field(min_length=1, max_length=200)
    type: Literal["function"] = "function"
    function: CalledIn


class ImageIn(Given):
    """Where an image is."""

    url: str


class PartIn(Given):
    """A piece of a message."""

    type: Literal["text", "image_url", "refusal"]
    text: str = ""
    refusal: str = ""
    image_url: ImageIn | None = None


class MessageIn(Given):
    """A message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[PartIn] | None = None
    tool_calls: list[CallIn] | None = None
    tool_call_id: str | None = None


class SchemaIn(Given):
    """A JSON Schema that the answer has to fit."""

    name: str = "answer"
    schema_: dict[str, JsonValue] = Field(alias="schema")


class FormatIn(Given):
    """The form that the answer is to have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaIn | None = None


class NamedIn(Given):
    """A function's name."""

    name: str


class ChoiceIn(Given):
    """A tool that must be called."""

    type: Literal["function"]
    function: NamedIn


class StreamIn(Given):
    """How to stream."""

    include_usage: bool = False


class CompletionIn(Given):
    """A chat completion that is wanted."""

    model: str = Field(min_length=1, max_length=200)
    messages: list[MessageIn] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = False
    stream_options: StreamIn | None = None
    n: Annotated[int, Field(ge=1)] | None = 1
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    response_format: FormatIn | None = None
    tools: list[ToolIn] | None = Field(None, max_length=MOST_TOOLS)
    tool_choice: Literal["auto", "none", "required"] | ChoiceIn | None = None

    def check(self) -> None:
        """Refuse what can be written and can't be done.

        Raises:
            OpenAIError: With the field that is wrong.
        """
        if (self.n or 1) > 1:
            msg = "There is one answer to a question here: n is 1."
            raise OpenAIError(msg, param="n", code="unsupported_value")
        if isinstance(self.stop, list) and len(self.stop) > 4:  # noqa: PLR2004  (as everywhere)
            msg = "There are more than four texts that end the answer."
            raise OpenAIError(msg, param="stop")
        if isinstance(self.tool_choice, ChoiceIn) and self.tool_choice.function.name not in {
            tool.name for tool in self.foreign_tools()
        }:
            msg = "The tool that must be called is none of the tools."
            raise OpenAIError(msg, param="tool_choice")
        _check_order(self.messages)

    def turns(self) -> list[Turn]:
        """Return the conversation."""
        return [_turn(message, place) for place, message in enumerate(self.messages)]

    def foreign_tools(self) -> list[ForeignTool]:
        """Return the client's tools.

        Raises:
            OpenAIError: The parameters of one are no JSON Schema, or two have one name.
        """
        found: dict[str, ForeignTool] = {}
        for place, each in enumerate(self.tools or []):
            told = each.function
            schema = told.parameters or {"type": "object", "properties": {}}
            try:
                foreign_tool(told.name, description=told.description or "", parameters=schema)
            except (ValueError, AgentError) as error:
                raise OpenAIError(
                    str(error), param=f"tools[{place}].function.parameters"
                ) from error
            if told.name in found:
                msg = f"Two tools are named {told.name!r}."
                raise OpenAIError(msg, param="tools")
            found[told.name] = ForeignTool(
                name=told.name, description=told.description or "", parameters=schema
            )
        return list(found.values())

    def config(self) -> dict[str, JsonValue]:
        """Return what is wanted otherwise than the agent is set up."""
        choice = self.tool_choice
        wanted: dict[str, Any] = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_tokens": self.max_completion_tokens or self.max_tokens,
            "seed": self.seed,
            "stop": [self.stop] if isinstance(self.stop, str) else self.stop,
            "reasoning_effort": _EFFORTS.get(self.reasoning_effort or "", self.reasoning_effort),
            "response_format": self._format(),
            "tool_choice": choice.function.name if isinstance(choice, ChoiceIn) else choice,
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def _format(self) -> str | dict[str, JsonValue] | None:
        match self.response_format:
            case FormatIn(type="json_object"):
                return "json"
            case FormatIn(type="json_schema", json_schema=SchemaIn() as given):
                return given.schema_
            case FormatIn(type="json_schema"):
                msg = "The JSON Schema is missing."
                raise OpenAIError(msg, param="response_format.json_schema")
            case _:
                return None


class EmbeddingIn(Given):
    """Vectors that are wanted."""

    model: str = Field(min_length=1, max_length=200)
    input: str | list[str] | list[int] | list[list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


_EFFORTS = {"minimal": "low", "xhigh": "high"}


def read(kind: type[Body], body: bytes) -> Body:
    """Read a request's body.

    Raises:
        OpenAIError: It is no JSON, or not like that.
    """
    try:
        content = clean_json(json.loads(body))
    except (ValueError, RecursionError) as error:
        msg = f"This is no JSON: {str(error)[:200]}."
        raise OpenAIError(msg) from error
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if not _is_internal(part))
        msg = f"{where or 'The request'}: {first['msg']}"
        raise OpenAIError(msg, param=where or None) from error


def _is_internal(part: int | str) -> bool:
    """Tell whether this is the arm of a union, as Pydantic names it, and no field."""
    return isinstance(part, str) and (not part.islower() or part in {"str", "int", "bool"})


def _check_order(messages: Sequence[MessageIn]) -> None:
    """Refuse calls without results, and results without calls."""
    wanted: set[str] = set()
    for place, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in wanted:
                msg = "A tool's result has to follow the message that wants the call."
                raise OpenAIError(msg, param=f"messages[{place}].tool_call_id")
            wanted.discard(message.tool_call_id)
            continue
        if wanted:
            break
        wanted = {call.id for call in message.tool_calls or []}
    if wanted:
        msg = f"These calls have no result: {', '.join(sorted(wanted))}."
        raise OpenAIError(msg, param="messages")


def _turn(message: MessageIn, place: int) -> Turn:
    text, parts = _content(message, place)
    calls = tuple(
        ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments)
        for call in message.tool_calls or []
    )
    return Turn(
        role="system" if message.role == "developer" else message.role,
        content=text,
        parts=parts,
        calls=calls if message.role == "assistant" else (),
        call_id=message.tool_call_id if message.role == "tool" else None,
    )


def _content(message: MessageIn, place: int) -> tuple[str, tuple[Part, ...]]:
    """Return a message's text, and its pieces if it has an image."""
    if not isinstance(message.content, list):
        return message.content or "", ()
    text = "\n\n".join(part.text or part.refusal for part in message.content if not part.image_url)
    images = [part for part in message.content if part.type == "image_url"]
    if not images:
        return text, ()
    if message.role != "user" or not all(part.image_url for part in images):
        msg = "An image comes in a message of the user, with its address."
        raise OpenAIError(msg, param=f"messages[{place}].content")
    return text, tuple(
        Part(image=part.image_url.url) if part.image_url else Part(text=part.text)
        for part in message.content
    )


# What they get ----------------------------------------------------------------------------------


def called(calls: Sequence[ToolCall], *, numbered: bool) -> list[dict[str, Any]]:
    """Return calls for the client to make; in a stream they are numbered."""
    return [
        {
            **({"index": number} if numbered else {}),
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for number, call in enumerate(calls)
    ]


def used(usage: Usage) -> dict[str, Any]:
    """Return what it took."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
