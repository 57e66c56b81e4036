"""Models behind a real server: streams, calls of tools, and everything that goes wrong."""

import json
import threading
import time
from typing import Any

import pytest
from typing_extensions import override

from agents import loop
from agents.cancellation import Cancellation
from agents.errors import Cancelled, LLMError
from agents.llm import (
    Asking,
    Broker,
    CompletionConfig,
    Endpoint,
    Provider,
    Request,
    Sink,
    TextSink,
    Timeouts,
)
from agents.llm.providers.openai_compatible import OpenAICompatible
from agents.llm.tokenizer import counted
from agents.messages import Reply, ToolCall, Turn, Usage
from agents.tools import ToolContext
from agents.tools.registry import registry
from tests.support.installation import free_port, wait_until
from tests.support.stand_in import MODEL, StandIn, tokens

QUICK = Timeouts(connect=2, first_token=1, between_tokens=1)


@pytest.fixture
def broker(model_server: tuple[str, StandIn]) -> Broker:
    return Broker({"openai": Endpoint(model_server[0], "secret")}, timeouts=QUICK)


def asked(**script: Any) -> list[Turn]:
    return [Turn(role="user", content=json.dumps(script))]


def test_tokens_stream_whole_and_in_order(broker: Broker) -> None:
    sink = TextSink()

    reply = broker.ask("openai/stand-in", asked(tokens=2000), sink=sink)

    assert reply.content == sink.text == "".join(tokens(2000))
    assert reply.finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 2000


def test_parallel_calls_come_out_of_their_pieces(broker: Broker) -> None:
    wanted = [
        {"name": "calculator", "arguments": '{"expression": "1+1"}'},
        {"name": "resolve_date", "arguments": '{"relative_date_found": "tomorrow"}'},
    ]

    reply = broker.ask("openai/stand-in", asked(calls=wanted), Asking(registry.all()))

    assert [call.model_dump(exclude={"id"}) for call in reply.calls] == wanted
    assert len({call.id for call in reply.calls}) == 2


def test_an_id_that_was_there_before_is_replaced(broker: Broker) -> None:
    earlier = Turn(role="assistant", calls=(ToolCall(id="call_0", name="calculator"),))
    result = Turn(role="tool", call_id="call_0", content="1")
    turns = [earlier, result, *asked(calls=[{"name": "calculator", "arguments": "{}"}])]

    (call,) = broker.ask("openai/x", turns).calls

    assert call.id != "call_0"


def test_the_server_gets_what_it_needs(broker: Broker, model_server: tuple[str, StandIn]) -> None:
    config = CompletionConfig(temperature=0.5)

    broker.ask("openai/x", asked(text="hi"), Asking(registry.all(), config))

    (body,) = model_server[1].requests
    assert body["model"] == "x"
    assert body["temperature"] == 0.5
    assert "max_tokens" not in body
    assert body["stream"] is True
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == sorted(names)
    assert {"ask_user", "calculator", "current_datetime", "resolve_date"} <= set(names)


FAILURES = [
    ("429", 0, "rate_limited", True, "Try again in 7 seconds"),
    ("500", 0, "server_error", True, "scripted 500"),
    ("401", 0, "unauthorized", False, "refuses the API key"),
    ("drop", 3, "stream_dropped", True, "broke off"),
    ("malformed", 3, "bad_response", True, "can't be read"),
    ("error", 3, "server_error", True, "out of memory"),
    ("silence", 0, "timeout", True, "did not answer in time"),
    ("silence", 3, "timeout", True, "did not answer in time"),
]


@pytest.mark.parametrize(("fail", "after", "code", "retryable", "sentence"), FAILURES)
def test_each_failure_has_a_code_and_a_sentence(
    broker: Broker, fail: str, after: int, code: str, retryable: bool, sentence: str
) -> None:
    sink = TextSink()

    with pytest.raises(LLMError, match=sentence) as failed:
        broker.ask("openai/x", asked(tokens=10, fail=fail, after=after), sink=sink)

    assert (failed.value.code, failed.value.retryable) == (code, retryable)
    assert sink.text == "".join(tokens(after))
    assert "secret" not in str(failed.value)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    nobody = Broker({"openai": Endpoint(f"http://127.0.0.1:{free_port()}/v1")}, timeouts=QUICK)

    with pytest.raises(LLMError, match="can't be reached") as failed:
        nobody.ask("openai/x", asked(text="hi"))

    assert failed.value.code == "unreachable"


def test_stop_closes_the_connection(broker: Broker, model_server: tuple[str, StandIn]) -> None:
    cancellation, sink = Cancellation(), TextSink()

    def press_stop() -> None:
        wait_until(lambda: sink.length > 20, seconds=5, what="text")
        cancellation.cancel()

    stopper = threading.Thread(target=press_stop)
    stopper.start()

    with pytest.raises(Cancelled):
        broker.ask(
            "openai/x",
            asked(tokens=10_000, per_second=100),
            Asking(context=ToolContext(cancellation=cancellation)),
            sink=sink,
        )

    began = time.monotonic()
    wait_until(lambda: model_server[1].seen["cut"] == 1, seconds=2, what="the cut")
    assert time.monotonic() - began < 0.3
    stopper.join()


def test_models_are_listed(model_server: tuple[str, StandIn]) -> None:
    server = OpenAICompatible(Endpoint(model_server[0]), QUICK)

    assert loop.wait(server.models()) == [MODEL]


@pytest.fixture
def _vllm(model_server: tuple[str, StandIn], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", model_server[0])
    monkeypatch.setenv("HOSTED_VLLM_API_KEY", "key")


@pytest.mark.usefixtures("_vllm")
@pytest.mark.filterwarnings("ignore")  # LiteLLM and its models warn of themselves
def test_everybody_else_is_spoken_to_by_litellm() -> None:
    patient = Broker(timeouts=Timeouts(first_token=60))
    wanted = [{"name": "calculator", "arguments": '{"expression": "1+1"}'}]

    said = patient.ask("hosted_vllm/stand-in", asked(tokens=50))
    called = patient.ask("hosted_vllm/stand-in", asked(calls=wanted), Asking(registry.all()))

    assert said.content == "".join(tokens(50))
    assert [call.arguments for call in called.calls] == ['{"expression": "1+1"}']


@pytest.mark.usefixtures("_vllm")
@pytest.mark.filterwarnings("ignore")  # LiteLLM and its models warn of themselves
@pytest.mark.parametrize(
    ("fail", "code"),
    [("429", "rate_limited"), ("500", "server_error"), ("401", "unauthorized")],
)
def test_litellms_errors_are_ours(fail: str, code: str) -> None:
    patient = Broker(timeouts=Timeouts(first_token=60))

    with pytest.raises(LLMError) as failed:
        patient.ask("hosted_vllm/stand-in", asked(tokens=5, fail=fail))

    assert failed.value.code == code


@pytest.mark.usefixtures("_vllm")
@pytest.mark.filterwarnings("ignore")  # LiteLLM and its models warn of themselves
def test_texts_become_vectors_by_litellm() -> None:
    one, two = Broker(timeouts=Timeouts(first_token=60)).embed(
        "hosted_vllm/stand-in", ["one two three", "four"]
    )

    assert (one[:2], two[:2]) == ([13.0, 3.0], [4.0, 1.0])


def test_models_of_vendors_are_listed_by_their_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)

    found = Broker().models()

    assert "anthropic/claude-sonnet-4-5" in found["anthropic"]
    assert "gemini" not in found


def test_what_a_server_does_not_tell_is_counted() -> None:
    request = Request("stand-in", [Turn(role="user", content="hello world")], registry.all())
    reply = Reply(content="hello world", thinking="hello")

    usage = counted(request, reply)

    assert usage.counted
    assert (usage.completion_tokens, usage.reasoning_tokens) == (3, 1)
    assert usage.prompt_tokens > 50
    assert (usage + Usage(prompt_tokens=1)).counted


def test_a_reply_without_usage_has_a_counted_one() -> None:
    class Silent(Provider):
        @override
        async def stream(self, request: Request, sink: Sink) -> Reply:
            return Reply(content="hello world")

    reply = Broker(providers={"x": Silent()}).ask("x/y", "hello world")

    assert reply.usage == Usage(prompt_tokens=6, completion_tokens=2, counted=True)
