"""What can be set about calls to models."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

NO_LIMIT = -1


class CompletionConfig(BaseModel):
    """How a model is to answer. What is left out is left to the model.

    What a model doesn't take is adapted or left out; see `agents.llm.parameters`.

    Attributes:
        temperature: 0 to 2: how freely it picks its words.
        num_ctx: The size of the window, in tokens, for servers that ask for it (Ollama).
        num_predict: The most tokens to answer with; -1 for no limit. It wins over `max_tokens`.
        max_tokens: The most tokens to answer with.
        top_p: 0 to 1: of the likeliest words, how much of their likelihood to pick from.
        top_k: How many of the likeliest words to pick from.
        response_format: "text", "json", or a JSON Schema that the answer has to fit.
        reasoning_effort: How long a reasoning model thinks.
        stop: Texts that end the answer.
        seed: For the same answer again, as far as the model keeps to it.
        max_tool_iterations: How often the model is asked again after its tools' results.
        tool_choice: "auto", "none", "required" (it must call one), or the name of the tool that it
            must call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(default=None, ge=0, le=2)
    num_ctx: int | None = Field(default=None, ge=1)
    num_predict: int | None = Field(default=None, ge=NO_LIMIT)
    max_tokens: int | None = Field(default=None, ge=1)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=1)
    response_format: Literal["text", "json"] | dict[str, JsonValue] | None = None
    reasoning_effort: Literal["none", "low", "medium", "high"] | None = None
    stop: tuple[str, ...] = Field(default=(), max_length=4)
    seed: int | None = None
    max_tool_iterations: int = Field(default=10, ge=1, le=100)
    tool_choice: str | None = Field(default=None, max_length=100)

    @property
    def output_limit(self) -> int | None:
        """The most tokens to answer with, from whichever field says it; None for no limit."""
        if self.num_predict is None:
            return self.max_tokens
        return self.num_predict if self.num_predict > 0 else None

    @property
    def schema_wanted(self) -> dict[str, Any] | None:
        """The JSON Schema that the answer has to fit, if there is one."""
        return self.response_format if isinstance(self.response_format, dict) else None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model server is, the key it wants, and what it speaks."""

    base_url: str
    api_key: str = field(default="", repr=False)
    wire: Literal["openai", "ollama"] = "openai"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for a model, in seconds.

    Attributes:
        connect: For the connection.
        first_token: For the first sign of an answer; a model may have to be loaded first.
        between_tokens: For each further one.
    """

    connect: float = 10.0
    first_token: float = 180.0
    between_tokens: float = 60.0
