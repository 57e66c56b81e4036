"""What goes to a model and what comes back, as plain values."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Role = Literal["system", "user", "assistant", "tool"]


class Value(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolCall(Value):
    """A model's wish to have a tool called. `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str = "{}"


class Usage(Value):
    """What a call to a model used, in tokens.

    Attributes:
        prompt_tokens: What went in.
        completion_tokens: What came out, thinking included.
        cached_tokens: Of what went in: what the provider had kept from before.
        reasoning_tokens: Of what came out: what was thought and not said.
        written_tokens: Of what went in: what the provider keeps from now on.
        counted: Whether the provider told nothing, so that it was counted here, nearly.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    written_tokens: int = 0
    counted: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            written_tokens=self.written_tokens + other.written_tokens,
            counted=self.counted or other.counted,
        )


class Part(Value):
    """A piece of a message: a text, or an image.

    Attributes:
        text: The text.
        image: An image's address: "data:image/…;base64,…", or one that the model's server loads.
        audience: Who it is for: a model, a person, or both.
        priority: 0 to 1: what has the least is left out first when there is little room.
    """

    text: str = ""
    image: str = ""
    audience: tuple[Literal["model", "person"], ...] = ("model", "person")
    priority: float = Field(default=1.0, ge=0, le=1)


class Attached(Value):
    """What is said of a file that goes with a message. `size` is in bytes."""

    id: UUID
    name: str
    media_type: str
    size: int


class Turn(Value):
    """One message of the conversation as a model sees it.

    Attributes:
        role: Who speaks.
        content: The text.
        calls: The tools an assistant wants called.
        call_id: Of a tool's result: the call it answers.
        parts: The pieces of the message, if it is more than one text; `content` is their text.
        thinking: What an assistant thought before its calls: some models want it back.
        signed: The same as its provider has signed it, for those that want that back.
    """

    role: Role
    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    parts: tuple[Part, ...] = ()
    thinking: str = ""
    signed: tuple[dict[str, JsonValue], ...] = ()


class Reply(Value):
    """What a model said in one call.

    `thinking` is what it said to itself before, if it tells; `model` is who answered; `cached`
    tells that the reply was kept from an earlier call; `signed` is what a provider wants back of
    its thinking.
    """

    content: str
    thinking: str = ""
    calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    finish_reason: str = "stop"
    model: str = ""
    cached: bool = False
    signed: tuple[dict[str, JsonValue], ...] = ()

    def turn(self) -> Turn:
        """Return the reply as the next message of the conversation."""
        return Turn(
            role="assistant",
            content=self.content,
            calls=self.calls,
            thinking=self.thinking if self.calls else "",
            signed=self.signed if self.calls else (),
        )


class Task(Value):
    """One thing that an agent has to do, on the list that it keeps for itself."""

    id: int = Field(ge=1)
    description: str
    status: Literal["pending", "in_progress", "completed"] = "pending"


def open_calls(turns: list[Turn]) -> tuple[ToolCall, ...]:
    """Return the calls at the end of a conversation that have no result yet."""
    answered: set[str | None] = set()
    for turn in reversed(turns):
        if turn.role == "tool":
            answered.add(turn.call_id)
        elif turn.role == "assistant":
            return tuple(call for call in turn.calls if call.id not in answered)
        else:
            break
    return ()
