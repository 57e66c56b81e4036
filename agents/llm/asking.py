"""How a model is asked: what it may call, how it is to answer, and who else may."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.llm.config import CompletionConfig
from agents.messages import Turn
from agents.tools import Tool, ToolContext

Conversation = str | Sequence[Turn]


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked.

    Attributes:
        tools: What it may call.
        config: How it is to answer.
        fallbacks: Models to ask instead when it fails before its first token.
        context: Handed to tools that take it; its cancellation ends everything.
        fresh: Whether an answer that was kept from before will not do; see `Cache`.
    """

    tools: Sequence[Tool] = ()
    config: CompletionConfig = field(default_factory=CompletionConfig)
    fallbacks: Sequence[str] = ()
    context: ToolContext = field(default_factory=ToolContext)
    fresh: bool = False


def as_turns(turns: Conversation) -> Sequence[Turn]:
    """Return a conversation that may be just what to say."""
    return [Turn(role="user", content=turns)] if isinstance(turns, str) else turns
