"""OpenAI's wire as LiteLLM's proxy speaks it: a server that nobody here wrote."""

import json
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from agents.errors import LLMError
from agents.llm import Asking, Broker, Endpoint, Retries, TextSink, Timeouts
from agents.tools.registry import registry
from tests.support import proxy
from tests.support.stand_in import StandIn, script, serving, tokens

MODELS = ["openai/relayed", "openai/from-ollama"]


class Person(BaseModel):
    """Somebody."""

    name: str
    age: int


@pytest.fixture(scope="module")
def behind() -> Iterator[tuple[str, StandIn]]:
    """The scripted server behind the proxy."""
    with serving() as served:
        yield served


@pytest.fixture(scope="module")
def broker(
    behind: tuple[str, StandIn], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    """A broker whose model server is the proxy."""
    upstream = behind[0].removesuffix("/v1")
    with proxy.serving(tmp_path_factory.mktemp("proxy"), upstream) as url:
        yield Broker(
            {"openai": Endpoint(url, proxy.KEY)},
            timeouts=Timeouts(first_token=30),
            retries=Retries(times=0),
        )


@pytest.mark.parametrize("model", MODELS)
def test_text_streams_whole_and_is_counted(broker: Broker, model: str) -> None:
    sink = TextSink()

    reply = broker.ask(model, script(tokens=300), sink=sink)

    assert reply.content == sink.text == "".join(tokens(300))
    assert reply.finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.completion_tokens > 0


@pytest.mark.parametrize("model", MODELS)
def test_eight_calls_go_round_with_their_ids(
    broker: Broker, behind: tuple[str, StandIn], model: str
) -> None:
    calls = [{"name": "calculator", "arguments": f'{{"expression": "{n}+1"}}'} for n in range(8)]

    reply = broker.generate(model, script(calls=calls), Asking(registry.all()))

    assert "The tools say" in reply.content
    messages = behind[1].requests[-1]["messages"]
    (asked,) = [each for each in messages if each.get("tool_calls")]
    results = [each for each in messages if each["role"] == "tool"]
    assert len(asked["tool_calls"]) == 8
    assert [json.loads(each["content"])["result"] for each in results] == list(range(1, 9))
    if model == "openai/relayed":  # Ollama knows no ids
        wanted = [call["id"] for call in asked["tool_calls"]]
        assert [each["tool_call_id"] for each in results] == wanted


def test_thoughts_come_apart(broker: Broker) -> None:
    sink = TextSink()

    reply = broker.ask("openai/relayed", script(text="42", thinks="Let me see."), sink=sink)

    assert (reply.thinking, reply.content) == ("Let me see.", "42")
    assert (sink.thoughts, sink.text) == ("Let me see.", "42")


def test_objects_come_whole_and_growing(broker: Broker, behind: tuple[str, StandIn]) -> None:
    said = script(text='{"name": "Ada", "age": 36}')

    assert broker.generate_object("openai/relayed", said, wanted=Person) == Person(
        name="Ada", age=36
    )
    *growing, whole = broker.stream_object("openai/relayed", said, wanted=Person)

    assert whole == Person(name="Ada", age=36)
    assert len(growing) > 1
    assert behind[1].requests[-1]["response_format"]["type"] == "json_schema"


def test_its_models_are_listed_and_texts_embedded(broker: Broker) -> None:
    assert set(broker.models()["openai"]) >= set(MODELS)
    assert broker.embed("openai/relayed", ["one two", "three"]) == [[7.0, 2.0], [5.0, 1.0]]


@pytest.mark.parametrize(
    ("fail", "code"), [("429", "rate_limited"), ("500", "server_error"), ("401", "unauthorized")]
)
def test_its_errors_are_ours(broker: Broker, fail: str, code: str) -> None:
    with pytest.raises(LLMError) as failed:
        broker.ask("openai/relayed", script(fail=fail))

    assert failed.value.code == code


def test_a_model_that_it_does_not_have_is_refused(broker: Broker) -> None:
    with pytest.raises(LLMError) as failed:
        broker.ask("openai/missing", "Hello")

    assert failed.value.code in {"no_such_model", "bad_request"}
    assert "missing" in str(failed.value)
