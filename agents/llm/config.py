"""What can be set about calls to models."""

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field


class CompletionConfig(BaseModel):
    """How a model is to answer. What is left out is left to the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an OpenAI-compatible server is, and the key it wants."""

    base_url: str
    api_key: str = field(default="", repr=False)


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
