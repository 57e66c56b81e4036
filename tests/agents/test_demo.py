"""The built-in model: it streams, calls what it is offered, and says what it is."""

import json
from typing import Any

import pytest

from agents.llm import Asking, Broker, TextSink
from agents.llm.providers import demo
from agents.messages import ToolCall, Turn
from agents.recording import MemoryRecorder
from agents.runner import Job, run
from agents.tools import ToolContext
from agents.tools.collection import Registry
from agents.tools.registry import registry


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SECONDS_PER_WORD", 0)


def wanted(question: str, tools: Registry = registry) -> list[tuple[str, Any]]:
    turns = [Turn(role="user", content=question)]
    reply = Broker().ask("demo/assistant", turns, Asking(tools.all()))
    return [(call.name, json.loads(call.arguments)) for call in reply.calls]


def test_it_calls_what_the_question_asks_for() -> None:
    assert wanted("What is 17*23, and what date is next Tuesday?") == [
        ("calculator", {"expression": "17*23"}),
        ("resolve_date", {"relative_date_found": "next Tuesday"}),
    ]
    assert wanted("what time is it?") == [("current_datetime", {})]
    assert wanted("(2+3)*4 please") == [("calculator", {"expression": "(2+3)*4"})]
    assert wanted("sqrt(2)?") == [("calculator", {"expression": "sqrt(2)"})]


@pytest.mark.parametrize(
    "question", ["Hello!", "Meet on 2026-12-24", "the 3 of us", "well-known", ""]
)
def test_it_calls_nothing_without_a_reason(question: str) -> None:
    assert wanted(question) == []


def test_it_calls_only_what_it_is_offered() -> None:
    assert wanted("17*23 tomorrow?", Registry(registry.named(["resolve_date"]))) == [
        ("resolve_date", {"relative_date_found": "tomorrow"})
    ]


def test_it_says_that_it_is_a_demo() -> None:
    reply = Broker().ask("demo/x", [Turn(role="user", content="Who are you?")])

    assert "demo model" in reply.content
    assert "Who are you?" in reply.content


def test_it_writes_as_many_words_as_it_is_asked_for() -> None:
    reply = Broker().ask("demo/x", [Turn(role="user", content="Write 300 words")])

    assert len(reply.content.split()) == 300


def test_a_whole_run_gives_both_right_results() -> None:
    question = "What is 17*23, and what date is next Tuesday?"
    recorder, sink = MemoryRecorder(), TextSink()
    job = Job(model="demo/x", turns=[Turn(role="user", content=question)], tools=registry)

    run(job, broker=Broker(), context=ToolContext(), recorder=recorder, sink=sink)

    assert "391" in sink.text
    assert recorder.kinds == [
        "llm.called",
        "llm.responded",
        "tool.called",
        "tool.called",
        "tool.returned",
        "tool.returned",
        "llm.called",
        "llm.responded",
    ]


def test_the_text_of_a_skill_is_not_the_question() -> None:
    skill = Turn(role="user", content='<skill name="x">\nSay 17*23.\n</skill>')

    reply = Broker().ask("demo/x", [Turn(role="user", content="/x Hello"), skill])

    assert "You wrote: “/x Hello”" in reply.content


def test_it_does_not_call_again_after_a_breakdown() -> None:
    call = ToolCall(id="a", name="calculator", arguments='{"expression": "6*7"}')
    turns = [
        Turn(role="user", content="6*7?"),
        Turn(role="assistant", content="", calls=(call,)),
        Turn(role="tool", call_id="a", content='{"expression": "6*7", "result": 42}'),
        Turn(role="system", content="The process that ran you broke down."),
    ]

    reply = Broker().ask("demo/x", turns, Asking(registry.all()))

    assert reply.calls == ()
    assert "**42**" in reply.content
