"""Chunks as servers really send them, and Anthropic's wire through LiteLLM."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from agents import loop
from agents.errors import LLMError
from agents.llm import Asking, Broker, CompletionConfig, Request, Retries, TextSink, Timeouts
from agents.llm.registry import ModelInfo
from agents.llm.wire import Assembly, payload
from agents.messages import Reply, ToolCall, Turn, Usage
from agents.tools.registry import registry
from tests.support import anthropic_wire
from tests.support.stand_in import StandIn, script, tokens


def assembled(*chunks: dict[str, Any]) -> Reply:
    """Put a reply together from chunks."""
    assembly = Assembly(TextSink())
    for chunk in chunks:
        assembly.take(chunk)
    return assembly.reply()


def delta(**content: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": content}]}


def called(index: int | None, identity: str | None, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return delta(tool_calls=[{"index": index, "id": identity, "function": function}])


def test_chunks_without_choices_say_nothing() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": None}

    reply = assembled(
        {"choices": []},
        delta(content="a"),
        {"choices": [{"delta": None, "finish_reason": None}]},
        delta(content=None),
        {"choices": [], "usage": usage},
    )

    assert (reply.content, reply.usage) == ("a", Usage(prompt_tokens=3, completion_tokens=2))


def test_usage_tells_of_what_was_kept_and_thought() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 6},
    }

    assert assembled({"choices": [], "usage": usage}).usage == Usage(
        prompt_tokens=9, completion_tokens=8, cached_tokens=7, reasoning_tokens=6
    )


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_stays_apart_from_the_answer(field: str) -> None:
    sink = TextSink()
    assembly = Assembly(sink)
    for chunk in (delta(**{field: "Let me "}), delta(**{field: "see."}), delta(content="42")):
        assembly.take(chunk)

    reply = assembly.reply()

    assert (reply.thinking, reply.content, sink.text) == ("Let me see.", "42", "42")


def test_calls_are_put_together_by_their_index() -> None:
    reply = assembled(
        called(1, "b", "second", '{"x"'),
        called(0, "a", "first", ""),
        called(1, None, "", ": 1}"),
        called(1, "b", "", ""),
    )

    assert [(c.id, c.name, c.arguments) for c in reply.calls] == [
        ("a", "first", "{}"),
        ("b", "second", '{"x": 1}'),
    ]


def test_calls_without_an_index_come_whole() -> None:
    reply = assembled(called(None, "a", "first", "{}"), called(None, "b", "second", "{}"))

    assert [call.name for call in reply.calls] == ["first", "second"]


def test_calls_with_one_index_for_all_are_told_apart_by_their_ids() -> None:
    reply = assembled(
        called(0, "a", "first", '{"x"'),
        called(0, None, "", ": 1}"),
        called(0, "b", "second", '{"y"'),
        called(0, None, "", ": 2}"),
    )

    assert [(c.id, c.name, c.arguments) for c in reply.calls] == [
        ("a", "first", '{"x": 1}'),
        ("b", "second", '{"y": 2}'),
    ]


@pytest.mark.parametrize(
    "chunk",
    [{}, {"choices": None}, {"choices": [7]}, delta(tool_calls=[7]), delta(content=7)],
)
def test_what_is_no_chunk_is_an_error(chunk: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no chunk"):
        assembled(chunk)


# Anthropic's wire -------------------------------------------------------------------------------

CLAUDE = "anthropic/claude-sonnet-4-5"


@pytest.fixture
def anthropic(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Broker, StandIn]]:
    """A broker whose Anthropic is a server of ours."""
    stand_in = StandIn()
    application = stand_in.application()
    anthropic_wire.add(stand_in, application)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)

    async def start() -> int:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return int(runner.addresses[0][1])

    port = loop.wait(start())
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ANTHROPIC_API_BASE", f"http://127.0.0.1:{port}")
    yield Broker(timeouts=Timeouts(first_token=60), retries=Retries(times=0)), stand_in
    loop.wait(asyncio.wait_for(runner.cleanup(), 10))


@pytest.mark.filterwarnings("ignore")  # LiteLLM and its models warn of themselves
def test_text_and_calls_go_round_on_anthropics_wire(anthropic: tuple[Broker, StandIn]) -> None:
    broker, server = anthropic
    calls = [{"name": "calculator", "arguments": f'{{"expression": "{n}+1"}}'} for n in range(8)]

    said = broker.ask(CLAUDE, script(tokens=50))
    reply = broker.generate(CLAUDE, script(calls=calls), Asking(registry.all()))

    assert said.content == "".join(tokens(50))
    assert "The tools say" in reply.content
    *_, asked, answered = server.requests[-1]["messages"]
    wanted = [block["id"] for block in asked["content"] if block["type"] == "tool_use"]
    results = [block for block in answered["content"] if block["type"] == "tool_result"]
    assert len(set(wanted)) == 8
    assert [block["tool_use_id"] for block in results] == wanted
    first = json.loads(anthropic_wire.text_of(results[0]["content"]))
    assert first["result"] == 1


@pytest.mark.filterwarnings("ignore")  # LiteLLM and its models warn of themselves
def test_refusals_on_anthropics_wire_are_ours(anthropic: tuple[Broker, StandIn]) -> None:
    broker, _ = anthropic

    for status, code in (("401", "unauthorized"), ("429", "rate_limited")):
        with pytest.raises(LLMError) as failed:
            broker.ask(CLAUDE, script(fail=status))
        assert failed.value.code == code


@pytest.mark.filterwarnings("ignore")  # LiteLLM and its models warn of themselves
def test_signed_thinking_goes_back_with_its_calls(anthropic: tuple[Broker, StandIn]) -> None:
    broker, server = anthropic
    calls = [{"name": "calculator", "arguments": '{"expression": "1+1"}'}]
    config = CompletionConfig(reasoning_effort="low")
    sink = TextSink()

    said = script(calls=calls, thinks="Let me add.")
    broker.generate(CLAUDE, said, Asking(registry.all(), config), sink=sink)

    assert sink.thoughts == "Let me add."
    assistant = server.requests[-1]["messages"][-2]
    (block,) = [each for each in assistant["content"] if each["type"] == "thinking"]
    assert (block["thinking"], block["signature"]) == ("Let me add.", anthropic_wire.SIGNATURE)


@pytest.mark.filterwarnings("ignore")  # LiteLLM and its models warn of themselves
def test_what_claude_may_keep_is_marked_and_paid_for(anthropic: tuple[Broker, StandIn]) -> None:
    broker, server = anthropic
    system = Turn(role="system", content="Be brief.")
    calls = [{"name": "calculator", "arguments": '{"expression": "1+1"}'}]
    marker = {"type": "ephemeral"}

    reply = broker.ask(CLAUDE, [system, Turn(role="user", content=script(text="Yes."))])
    broker.generate(
        CLAUDE, [system, Turn(role="user", content=script(calls=calls))], Asking(registry.all())
    )

    first, *_, last = server.requests
    assert first["system"][-1]["cache_control"] == marker
    assert first["messages"][-1]["content"][-1]["cache_control"] == marker
    assert last["messages"][-1]["content"][-1]["cache_control"] == marker
    assert "cache_control" not in str(last["messages"][:-1])
    usage = reply.usage
    assert usage is not None
    assert (usage.cached_tokens, usage.written_tokens) == (5, 3)
    info = ModelInfo(
        name="x",
        input_price=Decimal(10),
        output_price=Decimal(0),
        cached_price=Decimal(1),
        written_price=Decimal(20),
    )
    assert info.cost(usage) == (usage.prompt_tokens - 8) * 10 + 5 * 1 + 3 * 20


def test_thinking_goes_back_to_those_who_want_it() -> None:
    turn = Reply(content="", thinking="Hm.", calls=(ToolCall(id="a", name="x"),)).turn()
    plain = Reply(content="Yes.", thinking="Hm.").turn()

    for model, wanted in (("deepseek-reasoner", "Hm."), ("gpt-4o", None)):
        messages = payload(Request(model, [turn, plain]))["messages"]
        assert [each.get("reasoning_content") for each in messages] == [wanted, None]
