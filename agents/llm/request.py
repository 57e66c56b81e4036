"""A call to a model, and where its text goes as it comes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from typing_extensions import override

from agents.llm.config import CompletionConfig
from agents.messages import Reply, Turn
from agents.tools import Tool


class Sink(Protocol):
    """Takes text as it streams, on the loop's thread: it must not block."""

    def add(self, text: str) -> None:
        """Take the next characters."""

    @property
    def length(self) -> int:
        """How many characters it has taken."""

    @property
    def text(self) -> str:
        """All that it has taken."""


class TextSink(Sink):
    """Keeps the text: for scripts, and for calls nobody watches."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    @override
    def add(self, text: str) -> None:
        self._parts.append(text)

    @property
    @override
    def length(self) -> int:
        return sum(map(len, self._parts))

    @property
    @override
    def text(self) -> str:
        return "".join(self._parts)


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a model.

    Attributes:
        model: The model's name as its provider knows it.
        turns: The conversation.
        tools: What the model may call.
        config: How it is to answer.
    """

    model: str
    turns: Sequence[Turn]
    tools: Sequence[Tool] = ()
    config: CompletionConfig = field(default_factory=CompletionConfig)


class Provider(Protocol):
    """Speaks one wire to models."""

    async def stream(self, request: Request, sink: Sink) -> Reply:
        """Ask a model; its text goes to `sink` as it comes, the whole comes back.

        Raises:
            LLMError: There was no answer, or not a whole one. What came is in the sink.
        """
