"""A call to a model, and where its text goes as it comes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from typing_extensions import override

from agents.errors import LLMError
from agents.llm.config import CompletionConfig
from agents.messages import Reply, Turn
from agents.tools import Tool


class Sink(Protocol):
    """Takes text as it streams, on the loop's thread: it must not block."""

    def add(self, text: str) -> None:
        """Take the next characters."""

    def think(self, text: str, offset: int) -> None:
        """Take what the model thinks before it answers; it is no part of the text.

        Args:
            text: The next characters.
            offset: How many it has thought before them, in this call.
        """

    @property
    def length(self) -> int:
        """How many characters it has taken."""

    @property
    def text(self) -> str:
        """All that it has taken."""

    @property
    def is_full(self) -> bool:
        """Whether more text would only lie there for a while, so that reading on can wait."""
        return False

    async def room(self) -> None:
        """Return when it is about to show what it has, and more is of use. See `is_full`."""
        await asyncio.sleep(0)


class TextSink(Sink):
    """Keeps the text: for scripts, and for calls nobody watches."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._thoughts: list[str] = []

    @override
    def add(self, text: str) -> None:
        self._parts.append(text)

    @override
    def think(self, text: str, offset: int) -> None:
        self._thoughts.append(text)

    @property
    def thoughts(self) -> str:
        """What the model has thought so far."""
        return "".join(self._thoughts)

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


class Limiter(Protocol):
    """Keeps calls to a provider within a limit."""

    async def wait(self, prefix: str) -> None:
        """Return when a call to the provider of this prefix may be made."""


class Provider:
    """Speaks one wire to models. A subclass does what it can."""

    async def stream(self, request: Request, sink: Sink) -> Reply:
        """Ask a model; its text goes to `sink` as it comes, the whole comes back.

        Raises:
            LLMError: There was no answer, or not a whole one. What came is in the sink.
        """
        raise unsupported(self, "answer")

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text.

        Raises:
            LLMError: It can't be done here.
        """
        raise unsupported(self, "embed texts")

    async def transcribe(self, model: str, audio: bytes, *, name: str) -> str:
        """Return what is said in a recording.

        Raises:
            LLMError: It can't be done here.
        """
        raise unsupported(self, "listen to recordings")

    async def models(self) -> list[str]:
        """Return the names of the models that there are.

        Raises:
            LLMError: It can't be asked.
        """
        raise unsupported(self, "list models")


def unsupported(provider: Provider, what: str) -> LLMError:
    """A provider can't do this."""
    return LLMError(f"{type(provider).__name__} can't {what}.", code="unsupported")
