"""Ollama's own wire, against a server that speaks it."""

import asyncio
import json

import pytest
from pydantic import BaseModel

from agents import loop
from agents.errors import LLMError
from agents.llm import Asking, Broker, CompletionConfig, Endpoint, Retries, Timeouts
from agents.llm.content import MessageBuilder
from agents.llm.providers.ollama import Ollama, PullProgress
from agents.llm.request import TextSink
from agents.messages import Turn
from agents.tools.registry import registry
from tests.support.stand_in import StandIn, script, tokens

MODEL = "ollama/llama3.2"


@pytest.fixture
def address(model_server: tuple[str, StandIn]) -> str:
    """Where the server listens."""
    return model_server[0].removesuffix("/v1")


@pytest.fixture
def broker(address: str) -> Broker:
    """A broker that knows the server."""
    return Broker(
        {"ollama": Endpoint(address, wire="ollama")},
        timeouts=Timeouts(connect=1, first_token=1, between_tokens=1),
        retries=Retries(times=0),
    )


def test_text_streams(broker: Broker) -> None:
    sink = TextSink()

    reply = broker.ask(MODEL, script(tokens=500), sink=sink)

    assert reply.content == sink.text == "".join(tokens(500))
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (7, 500)


def test_settings_go_the_way_ollama_wants_them(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    config = CompletionConfig(
        temperature=0.5,
        num_ctx=8_192,
        max_tokens=5,
        num_predict=9,
        top_k=3,
        stop=("END",),
        reasoning_effort="low",
        response_format="json",
    )

    reply = broker.ask(MODEL, script(text="{}"), Asking(config=config))
    broker.ask(MODEL, "plain")

    body, plain = model_server[1].requests
    assert body["options"] == {
        "num_ctx": 8_192,
        "num_predict": 9,
        "temperature": 0.5,
        "top_k": 3,
        "stop": ["END"],
    }
    assert (body["think"], body["format"]) == ("low", "json")
    assert reply.thinking == "Let me see."
    assert plain["options"] == {"num_ctx": 32_768}
    assert "think" not in plain


def test_calls_go_round_with_their_names(broker: Broker, model_server: tuple[str, StandIn]) -> None:
    calls = [{"name": "calculator", "arguments": f'{{"expression": "{n}+1"}}'} for n in range(8)]

    reply = broker.generate(MODEL, script(calls=calls), Asking(registry.all()))

    assert "The tools say" in reply.content
    asked, *results = model_server[1].requests[-1]["messages"][1:]
    assert [call["function"]["arguments"]["expression"] for call in asked["tool_calls"]] == [
        f"{n}+1" for n in range(8)
    ]
    assert [each["tool_name"] for each in results] == ["calculator"] * 8
    assert [json.loads(each["content"])["result"] for each in results] == list(range(1, 9))


class Person(BaseModel):
    """Somebody."""

    name: str


def test_objects_are_wanted_by_schema(broker: Broker, model_server: tuple[str, StandIn]) -> None:
    found = broker.generate_object(MODEL, script(text='{"name": "Ada"}'), wanted=Person)

    assert found.name == "Ada"
    assert model_server[1].requests[0]["format"]["required"] == ["name"]


def test_images_go_as_data(broker: Broker, model_server: tuple[str, StandIn]) -> None:
    turn = MessageBuilder("Look.").image(b"\x89PNG\r\n\x1a\nx").build()

    broker.ask(MODEL, [turn])

    assert model_server[1].requests[0]["messages"][0]["images"] == ["iVBORw0KGgp4"]


@pytest.mark.parametrize(
    ("fail", "after", "code"),
    [
        ("500", 0, "server_error"),
        ("429", 0, "rate_limited"),
        ("malformed", 3, "bad_response"),
        ("error", 3, "server_error"),
        ("drop", 3, "stream_dropped"),
    ],
)
def test_failures_are_told(broker: Broker, fail: str, after: int, code: str) -> None:
    sink = TextSink()

    with pytest.raises(LLMError) as failed:
        broker.ask(MODEL, script(tokens=9, fail=fail, after=after), sink=sink)

    assert failed.value.code == code
    assert sink.text == "".join(tokens(after))


def test_models_and_vectors(broker: Broker) -> None:
    assert broker.models()["ollama"] == ["ollama/stand-in:latest"]
    assert broker.embed(MODEL, ["one two", "three"]) == [[7.0, 2.0], [5.0, 1.0]]


def test_a_model_is_got_with_its_progress(address: str) -> None:
    server = Ollama(address, Timeouts())

    async def got(model: str) -> list[PullProgress]:
        return [each async for each in server.pull(model)]

    steps = loop.wait(got("llama3.2"))
    assert [each.completed for each in steps] == [0, 50, 100, 0]
    assert steps[-1].status == "success"
    with pytest.raises(LLMError, match="does not exist"):
        loop.wait(got("missing"))


def test_nobody_there() -> None:
    server = Ollama("http://127.0.0.1:1", Timeouts(connect=1))

    async def ask() -> None:
        await asyncio.wait_for(server.models(), 5)

    with pytest.raises(LLMError) as failed:
        loop.wait(ask())
    assert failed.value.code == "unreachable"


def test_vectors_on_openais_wire(model_server: tuple[str, StandIn]) -> None:
    broker = Broker({"openai": Endpoint(model_server[0])})

    assert broker.embed("openai/x", ["one two", "three"]) == [[7.0, 2.0], [5.0, 1.0]]
    assert Turn(role="user", content="x").parts == ()
