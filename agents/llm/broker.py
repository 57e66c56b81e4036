"""One door to every model."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from agents import loop
from agents.cancellation import Cancellation
from agents.llm.config import CompletionConfig, Endpoint, Timeouts
from agents.llm.providers.demo import Demo
from agents.llm.providers.litellm import LiteLLM
from agents.llm.providers.openai_compatible import OpenAICompatible
from agents.llm.request import Provider, Request, Sink, TextSink
from agents.messages import Reply, ToolCall, Turn
from agents.tools import Tool

DEFAULT_ENDPOINT = "openai"


class Broker:
    """Finds the provider of a model and asks it.

    A model's name says who speaks for it: "demo/…" is built in; a prefix among the endpoints
    ("openai/…", "ollama/…") takes the short road there, and so does a name without a prefix;
    any other prefix is LiteLLM's ("anthropic/…", "gemini/…").
    """

    def __init__(
        self, endpoints: Mapping[str, Endpoint] | None = None, *, timeouts: Timeouts | None = None
    ) -> None:
        """Make a broker.

        Args:
            endpoints: OpenAI-compatible servers by the prefix of their models.
            timeouts: How long to wait; the defaults of `Timeouts` if left out.
        """
        waits = timeouts or Timeouts()
        self._providers: dict[str, Provider] = {"demo": Demo()}
        for prefix, endpoint in (endpoints or {}).items():
            self._providers[prefix] = OpenAICompatible(endpoint, waits)
        self._everyone_else = LiteLLM(waits)

    def generate(
        self,
        model: str,
        turns: Sequence[Turn],
        *,
        tools: Sequence[Tool] = (),
        config: CompletionConfig | None = None,
        sink: Sink | None = None,
        cancellation: Cancellation | None = None,
    ) -> Reply:
        """Ask a model and wait for its whole reply, in this thread.

        Args:
            model: Such as "demo/assistant", "openai/gpt-…" or "anthropic/…".
            turns: The conversation.
            tools: What the model may call. Calls come back; they are not made here.
            config: How it is to answer.
            sink: Takes the text as it streams.
            cancellation: Ends the call, and the provider's connection with it.

        Raises:
            LLMError: There was no answer, or not a whole one. What came is in the sink.
            Cancelled: Somebody pressed stop.
        """
        work = self.agenerate(model, turns, tools=tools, config=config, sink=sink)
        return loop.wait(work, cancellation=cancellation)

    async def agenerate(
        self,
        model: str,
        turns: Sequence[Turn],
        *,
        tools: Sequence[Tool] = (),
        config: CompletionConfig | None = None,
        sink: Sink | None = None,
    ) -> Reply:
        """Ask a model, as `generate` does, from a coroutine."""
        provider, name = self._find(model)
        request = Request(name, turns, tools, config or CompletionConfig())
        reply = await provider.stream(request, sink or TextSink())
        return reply.model_copy(update={"calls": _distinct(reply.calls, turns)})

    def _find(self, model: str) -> tuple[Provider, str]:
        prefix, slash, name = model.partition("/")
        if not slash:
            found = self._providers.get(DEFAULT_ENDPOINT)
            return (found, model) if found else (self._everyone_else, model)
        if provider := self._providers.get(prefix):
            return provider, name
        return self._everyone_else, model


def _distinct(calls: Sequence[ToolCall], turns: Sequence[Turn]) -> tuple[ToolCall, ...]:
    """Give calls without an id, or with one that was there before, an id of their own."""
    seen = {call.id for turn in turns for call in turn.calls} | {""}
    distinct: list[ToolCall] = []
    for call in calls:
        fresh = call if call.id not in seen else call.model_copy(update={"id": f"call_{uuid4()}"})
        seen.add(fresh.id)
        distinct.append(fresh)
    return tuple(distinct)
