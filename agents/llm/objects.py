"""Answers that are objects: whole, or while they are written; from a class or a JSON Schema."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar, overload

from pydantic import BaseModel

from agents.llm import structured
from agents.llm.asking import Asking, Conversation, as_turns
from agents.llm.structured import Form
from agents.messages import Reply, Turn

CORRECTIONS = 2

Model = TypeVar("Model", bound=BaseModel)
Schema = dict[str, Any]


class ObjectMethods(ABC):
    """What a broker does to get objects. `wanted` is a Pydantic class, or a JSON Schema."""

    @abstractmethod
    def generate(self, model: str, turns: Conversation, asking: Asking | None = None) -> Reply:
        """Ask a model until it answers."""

    @abstractmethod
    def generate_stream(
        self, model: str, turns: Conversation, asking: Asking | None = None
    ) -> Iterator[str]:
        """Ask a model until it answers, and yield the text as it comes."""

    @abstractmethod
    def agenerate_stream(
        self, model: str, turns: Conversation, asking: Asking | None = None
    ) -> AsyncIterator[str]:
        """Do the same for a coroutine."""

    @overload
    def generate_object(
        self, model: str, turns: Conversation, *, wanted: type[Model], asking: Asking | None = None
    ) -> Model: ...
    @overload
    def generate_object(
        self, model: str, turns: Conversation, *, wanted: Schema, asking: Asking | None = None
    ) -> Any: ...  # noqa: ANN401  (whatever the schema says)
    def generate_object(
        self,
        model: str,
        turns: Conversation,
        *,
        wanted: type[BaseModel] | Schema,
        asking: Asking | None = None,
    ) -> Any:
        """Have a model answer with an object.

        An answer that doesn't fit goes back to the model with what is wrong, twice at most.

        Args:
            model: Who is asked.
            turns: The conversation, or just what to say.
            wanted: The Pydantic class of the object, or the JSON Schema of a plain value.
            asking: Tools, settings, fallbacks.

        Raises:
            LLMError: There was no answer, or none that fits (code "bad_object").
            ValueError: `wanted` is no JSON Schema.
        """
        form = structured.form_of(wanted)
        how, conversation = _for_object(asking or Asking(), as_turns(turns), form)
        fault = ""
        for _ in range(1 + CORRECTIONS):
            reply = self.generate(model, conversation, how)
            try:
                return form.parse(reply.content)
            except ValueError as error:
                fault = str(error)
            correction = Turn(role="user", content=structured.correction(fault))
            conversation = [*conversation, reply.turn(), correction]
        raise structured.unfit(fault)

    @overload
    async def agenerate_object(
        self, model: str, turns: Conversation, *, wanted: type[Model], asking: Asking | None = None
    ) -> Model: ...
    @overload
    async def agenerate_object(
        self, model: str, turns: Conversation, *, wanted: Schema, asking: Asking | None = None
    ) -> Any: ...  # noqa: ANN401  (whatever the schema says)
    async def agenerate_object(
        self,
        model: str,
        turns: Conversation,
        *,
        wanted: type[BaseModel] | Schema,
        asking: Asking | None = None,
    ) -> Any:
        """Have a model answer with an object, from a coroutine."""
        how = asking or Asking()

        def work() -> Any:  # noqa: ANN401  (an object of any form)
            return self.generate_object(model, turns, wanted=wanted, asking=how)

        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            how.context.cancellation.cancel()
            raise

    @overload
    def stream_object(
        self, model: str, turns: Conversation, *, wanted: type[Model], asking: Asking | None = None
    ) -> Iterator[dict[str, Any] | Model]: ...
    @overload
    def stream_object(
        self, model: str, turns: Conversation, *, wanted: Schema, asking: Asking | None = None
    ) -> Iterator[Any]: ...
    def stream_object(
        self,
        model: str,
        turns: Conversation,
        *,
        wanted: type[BaseModel] | Schema,
        asking: Asking | None = None,
    ) -> Iterator[Any]:
        """Have a model answer with an object, and yield what is there of it while it is written.

        Yields plain values, each with more in it, and at last the checked object.

        Raises:
            LLMError: There was no answer, or it doesn't fit (code "bad_object").
            ValueError: `wanted` is no JSON Schema.
        """
        form = structured.form_of(wanted)
        how, conversation = _for_object(asking or Asking(), as_turns(turns), form)
        growing = structured.Growing(form)
        for piece in self.generate_stream(model, conversation, how):
            if (found := growing.add(piece)) is not None:
                yield found
        yield growing.whole()

    @overload
    def astream_object(
        self, model: str, turns: Conversation, *, wanted: type[Model], asking: Asking | None = None
    ) -> AsyncIterator[dict[str, Any] | Model]: ...
    @overload
    def astream_object(
        self, model: str, turns: Conversation, *, wanted: Schema, asking: Asking | None = None
    ) -> AsyncIterator[Any]: ...
    async def astream_object(
        self,
        model: str,
        turns: Conversation,
        *,
        wanted: type[BaseModel] | Schema,
        asking: Asking | None = None,
    ) -> AsyncIterator[Any]:
        """Have a model answer with an object, and yield what is there of it, to a coroutine."""
        form = structured.form_of(wanted)
        how, conversation = _for_object(asking or Asking(), as_turns(turns), form)
        growing = structured.Growing(form)
        async for piece in self.agenerate_stream(model, conversation, how):
            if (found := growing.add(piece)) is not None:
                yield found
        yield growing.whole()


def _for_object(
    asking: Asking, turns: Sequence[Turn], form: Form[Any]
) -> tuple[Asking, list[Turn]]:
    """Return how to ask for an object: by the server's means, and in words for the others."""
    config = asking.config.model_copy(update={"response_format": form.schema})
    told = Turn(role="system", content=structured.instruction(form.schema))
    return replace(asking, config=config), [told, *turns]
