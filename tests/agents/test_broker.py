"""The broker for scripts: tools, streams, objects, retries and fallbacks, on the wire."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from agents.errors import LLMError, TooManyRounds
from agents.llm import Asking, Broker, CompletionConfig, Endpoint, Retries, Timeouts
from agents.llm.request import TextSink
from agents.messages import Reply
from agents.tools import ToolContext, tool
from agents.tools.registry import registry
from tests.support.installation import wait_until
from tests.support.stand_in import StandIn, script, tokens

MODEL = "openai/stand-in"
SUM = {"name": "calculator", "arguments": '{"expression": "17*23"}'}


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


@pytest.fixture
def broker(model_server: tuple[str, StandIn]) -> Broker:
    """A broker that is in a hurry."""
    return Broker(
        {"openai": Endpoint(model_server[0])},
        timeouts=Timeouts(connect=1, first_token=1, between_tokens=1),
        retries=Retries(times=2, first_seconds=0.05, longest_seconds=1),
    )


def with_tools(**options: Any) -> Asking:
    return Asking(registry.all(), **options)


def test_calls_are_made_until_there_is_an_answer(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    reply = broker.generate(MODEL, script(calls=[SUM]), with_tools())

    assert "391" in reply.content
    assert reply.calls == ()
    first, second = model_server[1].requests
    assert [each["role"] for each in second["messages"]] == ["user", "assistant", "tool"]
    identity = second["messages"][1]["tool_calls"][0]["id"]
    assert second["messages"][2]["tool_call_id"] == identity
    assert first["tools"] == second["tools"]


def test_eight_calls_at_once_carry_their_ids(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    calls = [{"name": "calculator", "arguments": f'{{"expression": "{n}+1"}}'} for n in range(8)]

    broker.generate(MODEL, script(calls=calls), with_tools())

    _, asked, *results = model_server[1].requests[-1]["messages"]
    wanted = [call["id"] for call in asked["tool_calls"]]
    assert len(set(wanted)) == 8
    assert [each["tool_call_id"] for each in results] == wanted
    assert [json.loads(each["content"])["result"] for each in results] == list(range(1, 9))


def test_a_model_that_only_calls_is_stopped(broker: Broker) -> None:
    config = CompletionConfig(max_tool_iterations=1)

    with pytest.raises(TooManyRounds):
        broker.generate(MODEL, script(calls=[SUM]), with_tools(config=config))


async def test_the_same_from_a_coroutine(broker: Broker) -> None:
    said, pieces = await asyncio.gather(
        broker.agenerate(MODEL, script(calls=[SUM]), with_tools()), _collected(broker)
    )

    assert "391" in said.content
    assert "".join(pieces) == "".join(tokens(50))


async def _collected(broker: Broker) -> list[str]:
    return [piece async for piece in broker.agenerate_stream(MODEL, script(tokens=50))]


def test_text_is_yielded_as_it_comes_through_calls(broker: Broker) -> None:
    pieces = list(broker.generate_stream(MODEL, script(tokens=5, calls=[SUM]), with_tools()))

    assert len(pieces) > 5
    assert "".join(pieces).startswith("".join(tokens(5)))
    assert "391" in "".join(pieces)


def test_leaving_a_stream_closes_it(broker: Broker, model_server: tuple[str, StandIn]) -> None:
    stream: Iterator[str] = broker.generate_stream(MODEL, script(tokens=10_000, per_second=100))
    next(stream)

    stream.close()  # type: ignore[attr-defined]

    wait_until(lambda: model_server[1].seen["cut"] == 1, seconds=2, what="the cut")


def test_an_error_in_a_stream_is_raised_where_it_is_read(broker: Broker) -> None:
    pieces: list[str] = []

    with pytest.raises(LLMError) as failed:
        pieces += broker.generate_stream(MODEL, script(tokens=10, fail="drop", after=5))

    assert failed.value.code == "stream_dropped"


def test_cancelling_a_tool_through_its_context(broker: Broker) -> None:
    context = ToolContext()

    @tool
    def stop_it_all() -> str:
        """Press stop."""
        context.cancellation.cancel()
        return "stopped"

    from agents.errors import Cancelled  # noqa: PLC0415

    with pytest.raises(Cancelled):
        broker.generate(
            MODEL,
            script(calls=[{"name": "stop_it_all", "arguments": "{}"}]),
            Asking([stop_it_all], context=context),
        )


# Objects ----------------------------------------------------------------------------------------


def test_an_object_is_read_out_of_an_answer(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    said = 'Here it is:\n```json\n{"name": "Ada", "age": 36}\n```\nDone.'

    person = broker.generate_object(MODEL, script(text=said), wanted=Person)

    assert person == Person(name="Ada", age=36)
    (body,) = model_server[1].requests
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["name", "age"]
    assert "JSON Schema" in body["messages"][0]["content"]


def test_an_object_that_does_not_fit_goes_back_with_what_is_wrong(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    with pytest.raises(LLMError, match="wanted form") as failed:
        broker.generate_object(MODEL, script(text='{"name": "Ada", "age": "old"}'), wanted=Person)

    assert failed.value.code == "bad_object"
    asked = model_server[1].requests
    assert len(asked) == 3
    assert "age: Input should be a valid integer" in asked[1]["messages"][-1]["content"]


def test_an_object_is_shown_while_it_is_written(broker: Broker) -> None:
    said = '{"name": "Ada Lovelace of London", "age": 36}'

    *growing, whole = broker.stream_object(MODEL, script(text=said), wanted=Person)

    assert whole == Person(name="Ada Lovelace of London", age=36)
    names = [each["name"] for each in growing if isinstance(each, dict) and "name" in each]
    assert len(names) > 2
    assert all("Ada Lovelace of London".startswith(name) for name in names)
    assert growing[-1] == {"name": "Ada Lovelace of London", "age": 36}


async def test_an_object_grows_for_a_coroutine(broker: Broker) -> None:
    said = script(text='{"name": "Ada", "age": 36}')

    *growing, whole = [found async for found in broker.astream_object(MODEL, said, wanted=Person)]

    assert growing[-1] == {"name": "Ada", "age": 36}
    assert whole == Person(name="Ada", age=36)


async def test_an_object_for_a_coroutine(broker: Broker) -> None:
    said = script(text='{"name": "Ada", "age": 36}')

    assert (await broker.agenerate_object(MODEL, said, wanted=Person)).age == 36


# Failures ---------------------------------------------------------------------------------------


def test_a_server_that_fails_is_asked_again(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    with pytest.raises(LLMError) as failed:
        broker.ask(MODEL, script(fail="500"))

    assert failed.value.code == "server_error"
    assert len(model_server[1].requests) == 3


def test_what_has_been_said_is_not_asked_for_again(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    sink = TextSink()

    with pytest.raises(LLMError):
        broker.ask(MODEL, script(tokens=9, fail="drop", after=3), sink=sink)

    assert sink.text == "".join(tokens(3))
    assert len(model_server[1].requests) == 1


def test_a_server_that_wants_a_long_pause_is_given_up(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    began = time.monotonic()

    with pytest.raises(LLMError) as failed:
        broker.ask(MODEL, script(fail="429"))  # it says 7 seconds

    assert failed.value.retry_after_seconds == 7
    assert len(model_server[1].requests) == 1
    assert time.monotonic() - began < 1


def test_a_pause_that_a_server_asks_for_is_kept() -> None:
    retries = Retries(times=2, longest_seconds=10)
    busy = LLMError("busy", code="rate_limited", retryable=True, retry_after_seconds=7)
    gone = LLMError("gone", code="no_such_model")

    assert retries.pause(1, busy) == 7
    assert retries.pause(3, busy) is None
    assert retries.pause(1, gone) is None
    failed = LLMError("x", retryable=True)
    assert all(0.25 <= (retries.pause(1, failed) or 0) <= 0.5 for _ in range(50))
    assert all(0.5 <= (retries.pause(2, failed) or 0) <= 1 for _ in range(50))


@pytest.mark.parametrize("fail", ["500", "401", "drop"])
def test_another_model_answers_instead(
    broker: Broker, model_server: tuple[str, StandIn], fail: str
) -> None:
    reply: Reply = broker.ask(
        "openai/first", script(fail=fail), Asking(fallbacks=["demo/assistant"])
    )

    assert reply.model == "demo/assistant"
    assert "demo model" in reply.content


def test_a_request_that_is_wrong_is_wrong_everywhere(broker: Broker) -> None:
    with pytest.raises(LLMError):
        broker.ask(MODEL, script(tokens=9, fail="drop", after=3), Asking(fallbacks=["demo/x"]))
