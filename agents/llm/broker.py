"""One door to every model: text, objects, tools, streams; for scripts and for Parley itself."""

import asyncio
import logging
import queue
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from uuid import uuid4

from typing_extensions import override

from agents import loop
from agents.errors import LLMError
from agents.llm.asking import Asking, Conversation, as_turns
from agents.llm.background import Background
from agents.llm.cache import Cache, again, key_of
from agents.llm.config import Endpoint, Timeouts
from agents.llm.embeddings import embed_all
from agents.llm.objects import ObjectMethods
from agents.llm.providers.demo import Demo
from agents.llm.providers.litellm import LiteLLM
from agents.llm.providers.ollama import Ollama
from agents.llm.providers.openai_compatible import OpenAICompatible
from agents.llm.request import Limiter, Provider, Request, Sink, TextSink
from agents.llm.retries import Retries, persistently
from agents.llm.tokenizer import counted
from agents.messages import Reply, ToolCall, Turn
from agents.recording import MemoryRecorder
from agents.text import clean
from agents.tools.collection import Registry
from agents.tools.execution import call_all
from agents.tools.rounds import until_answered

logger = logging.getLogger(__name__)  # (structlog would take longer to load)

DEFAULT_ENDPOINT = "openai"


class Broker(ObjectMethods):
    """Finds the provider of a model and asks it.

    A model's name says who speaks for it: "demo/…" is built in; a prefix among the endpoints
    ("openai/…", "ollama/…") takes the short road there, and so does a name without a prefix;
    any other prefix is LiteLLM's ("anthropic/…", "gemini/…").

    `ask` is one call. `generate` and its kin make the tools' calls that a model wants, and ask
    again, until there is an answer.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint] | None = None,
        *,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
        providers: Mapping[str, Provider] | None = None,
        limiter: Limiter | None = None,
        cache: Cache | None = None,
    ) -> None:
        """Make a broker.

        Args:
            endpoints: Model servers by the prefix of their models.
            timeouts: How long to wait; the defaults of `Timeouts` if left out.
            retries: How patient to be; the defaults of `Retries` if left out.
            providers: Further providers by the prefix of their models.
            limiter: Keeps calls within limits; there are none if left out.
            cache: Keeps answers, to give them again; nothing is kept if left out.
        """
        waits = timeouts or Timeouts()
        self._retries = retries or Retries()
        self._limiter = limiter
        self._cache = cache
        self._providers: dict[str, Provider] = {"demo": Demo()}
        for prefix, endpoint in (endpoints or {}).items():
            self._providers[prefix] = provider_of(endpoint, waits)
        self._providers |= providers or {}
        self._everyone_else = LiteLLM(waits)

    # One call --------------------------------------------------------------------------------

    def ask(
        self,
        model: str,
        turns: Conversation,
        asking: Asking | None = None,
        *,
        sink: Sink | None = None,
    ) -> Reply:
        """Ask a model once and wait for its whole reply, in this thread.

        Args:
            model: Such as "demo/assistant", "openai/gpt-…" or "anthropic/…".
            turns: The conversation, or just what to say.
            asking: Tools, settings, fallbacks. Calls come back; they are not made here.
            sink: Takes the text as it streams.

        Raises:
            LLMError: There was no answer, or not a whole one. What came is in the sink.
            Cancelled: Somebody pressed stop.
        """
        how = asking or Asking()
        work = self.aask(model, turns, how, sink=sink)
        return loop.wait(work, cancellation=how.context.cancellation)

    async def aask(
        self,
        model: str,
        turns: Conversation,
        asking: Asking | None = None,
        *,
        sink: Sink | None = None,
    ) -> Reply:
        """Ask a model once, as `ask` does, from a coroutine."""
        how, taken, conversation = asking or Asking(), sink or TextSink(), as_turns(turns)

        async def attempt(name: str) -> Reply:
            request = Request(self._find(name)[1], conversation, how.tools, how.config)
            reply = await self._kept_or_new(name, request, taken, fresh=how.fresh)
            calls = _distinct(reply.calls, conversation)
            return reply.model_copy(update={"calls": calls, "model": name})

        models = (model, *how.fallbacks)
        return await persistently(models, attempt, sink=taken, retries=self._retries)

    async def _kept_or_new(self, name: str, request: Request, sink: Sink, *, fresh: bool) -> Reply:
        if self._cache is None:
            return await self._new(name, request, sink)
        key = key_of(name, request)
        if not fresh and (kept := await self._cache.get(key)) is not None:
            return again(kept, sink)
        reply = await self._new(name, request, sink)
        await self._cache.put(key, reply)
        return reply

    async def _new(self, name: str, request: Request, sink: Sink) -> Reply:
        if self._limiter is not None:
            await self._limiter.wait(name.partition("/")[0])
        reply = await self._find(name)[0].stream(request, sink)
        if reply.usage is not None:
            return reply
        usage = await asyncio.to_thread(counted, request, reply)
        return reply.model_copy(update={"usage": usage})

    # Until there is an answer ----------------------------------------------------------------

    @override
    def generate(
        self,
        model: str,
        turns: Conversation,
        asking: Asking | None = None,
        *,
        sink: Sink | None = None,
    ) -> Reply:
        """Ask a model, make the calls that it wants, and ask again until it answers.

        Args:
            model: Such as "demo/assistant", "openai/gpt-…" or "anthropic/…".
            turns: The conversation, or just what to say.
            asking: Tools, settings, fallbacks.
            sink: Takes the text as it streams.

        Raises:
            LLMError: There was no answer, or not a whole one.
            TooManyRounds: The model wanted calls to its limit, `max_tool_iterations`.
            Cancelled: Somebody pressed stop.
        """
        how, taken = asking or Asking(), sink or TextSink()
        call = partial(
            call_all, tools=Registry(how.tools), context=how.context, recorder=MemoryRecorder()
        )
        return until_answered(
            list(as_turns(turns)),
            ask=lambda conversation, _: self.ask(model, conversation, how, sink=taken),
            call=call,
            max_rounds=how.config.max_tool_iterations,
        )

    async def agenerate(
        self,
        model: str,
        turns: Conversation,
        asking: Asking | None = None,
        *,
        sink: Sink | None = None,
    ) -> Reply:
        """Generate, as `generate` does, from a coroutine; cancelling it closes the connection."""
        how = asking or Asking()
        try:
            return await asyncio.to_thread(self.generate, model, turns, how, sink=sink)
        except asyncio.CancelledError:
            how.context.cancellation.cancel()
            raise

    @override
    def generate_stream(
        self, model: str, turns: Conversation, asking: Asking | None = None
    ) -> Iterator[str]:
        """Generate, and yield the text as it comes. Leaving off closes the connection."""
        pieces: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        with self._background(model, turns, asking, put=pieces.put) as work:
            while (piece := pieces.get()) is not None:
                yield piece
            work.check()

    @override
    async def agenerate_stream(
        self, model: str, turns: Conversation, asking: Asking | None = None
    ) -> AsyncIterator[str]:
        """Generate, and yield the text as it comes, to a coroutine."""
        running = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        def put(piece: str | None) -> None:
            running.call_soon_threadsafe(pieces.put_nowait, piece)

        with self._background(model, turns, asking, put=put) as work:
            while (piece := await pieces.get()) is not None:
                yield piece
            work.check()

    def _background(
        self,
        model: str,
        turns: Conversation,
        asking: Asking | None,
        *,
        put: Callable[[str | None], None],
    ) -> Background:
        how = asking or Asking()

        def work(sink: Sink) -> Reply:
            return self.generate(model, turns, how, sink=sink)

        return Background(work, cancellation=how.context.cancellation, put=put)

    # Embeddings and lists -------------------------------------------------------------------

    def embed(self, model: str, texts: str | Sequence[str]) -> list[list[float]]:
        """Return a vector for each text; one that is too long is cut, and its pieces pooled.

        Args:
            model: Such as "openai/text-embedding-3-small".
            texts: One text or several.

        Raises:
            LLMError: There was no answer.
        """
        return loop.wait(self.aembed(model, texts))

    async def aembed(self, model: str, texts: str | Sequence[str]) -> list[list[float]]:
        """Return a vector for each text, from a coroutine."""
        provider, name = self._find(model)
        several = [texts] if isinstance(texts, str) else texts
        return await embed_all(several, model=model, embed=partial(provider.embed, name))

    def transcribe(self, model: str, audio: bytes, *, name: str = "audio.ogg") -> str:
        """Return what is said in a recording.

        Args:
            model: Such as "openai/whisper-1".
            audio: The recording: a file's content.
            name: The file's name; its ending tells what it is.

        Raises:
            LLMError: There was no answer.
        """
        return loop.wait(self.atranscribe(model, audio, name=name))

    async def atranscribe(self, model: str, audio: bytes, *, name: str = "audio.ogg") -> str:
        """Return what is said in a recording, from a coroutine."""
        provider, found = self._find(model)
        return clean(await provider.transcribe(found, audio, name=name))

    def models(self) -> dict[str, list[str]]:
        """Return the models that there are, by the prefix of their provider.

        A provider that can't be asked has an empty list; the log says why.
        """
        return loop.wait(self.amodels())

    async def amodels(self) -> dict[str, list[str]]:
        """Return the models that there are, from a coroutine."""
        found: dict[str, list[str]] = {}
        for prefix, provider in self._providers.items():
            try:
                found[prefix] = [f"{prefix}/{name}" for name in await provider.models()]
            except LLMError as error:
                logger.warning("The models of %s can't be listed: %s", prefix, error)
                found[prefix] = []
        for model in await self._everyone_else.models():
            vendor = model.partition("/")[0]
            if vendor not in self._providers:
                found.setdefault(vendor, []).append(model)
        return found

    def _find(self, model: str) -> tuple[Provider, str]:
        prefix, slash, name = model.partition("/")
        if not slash:
            found = self._providers.get(DEFAULT_ENDPOINT)
            return (found, model) if found else (self._everyone_else, model)
        if provider := self._providers.get(prefix):
            return provider, name
        return self._everyone_else, model


def provider_of(endpoint: Endpoint, timeouts: Timeouts) -> Provider:
    """Return who speaks the wire of a model server."""
    if endpoint.wire == "ollama":
        return Ollama(endpoint.base_url, timeouts)
    return OpenAICompatible(endpoint, timeouts)


def _distinct(calls: Sequence[ToolCall], turns: Sequence[Turn]) -> tuple[ToolCall, ...]:
    """Give calls without an id, or with one that was there before, an id of their own."""
    seen = {call.id for turn in turns for call in turn.calls} | {""}
    distinct: list[ToolCall] = []
    for call in calls:
        fresh = call if call.id not in seen else call.model_copy(update={"id": f"call_{uuid4()}"})
        seen.add(fresh.id)
        distinct.append(fresh)
    return tuple(distinct)
