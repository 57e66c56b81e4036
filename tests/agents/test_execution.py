"""A round of calls: at the same time, in order, and no failure hurts the others."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import JsonValue

from agents.errors import Cancelled, ToolError
from agents.events import ToolCalled, ToolFailed, ToolReturned
from agents.messages import ToolCall, Turn
from agents.recording import MemoryRecorder
from agents.tools import Tool, ToolContext, tool
from agents.tools.collection import Registry
from agents.tools.execution import call_all
from agents.tools.registry import registry


def made(name: str, function: Callable[..., Any], **options: Any) -> Tool:
    function.__doc__ = f"Do {name}."
    return tool(name=name, **options)(function)


def calls(*names: str) -> list[ToolCall]:
    return [ToolCall(id=f"c{number}", name=name) for number, name in enumerate(names)]


def make(wanted: list[ToolCall], *tools: Tool, **options: Any) -> tuple[list[Turn], MemoryRecorder]:
    recorder = MemoryRecorder()
    context = options.pop("context", ToolContext())
    turns = call_all(wanted, tools=Registry(tools), context=context, recorder=recorder, **options)
    return turns, recorder


def test_calls_of_a_round_run_at_the_same_time() -> None:
    together = threading.Barrier(5, timeout=5)  # opens only when all five are there

    def meet() -> str:
        together.wait()
        return "met"

    turns, _ = make(calls(*["meet"] * 5), made("meet", meet))

    assert [turn.content for turn in turns] == ["met"] * 5


def test_results_keep_the_order_of_the_calls() -> None:
    first_may_end = threading.Event()

    def slow() -> str:
        assert first_may_end.wait(5)
        return "slow"

    def quick() -> str:
        first_may_end.set()
        return "quick"

    turns, recorder = make(calls("slow", "quick"), made("slow", slow), made("quick", quick))

    assert [(turn.call_id, turn.content) for turn in turns] == [("c0", "slow"), ("c1", "quick")]
    ended = [event for event in recorder.events if isinstance(event, ToolReturned)]
    assert {event.name for event in ended} == {"slow", "quick"}


def test_one_that_fails_does_not_hurt_the_others() -> None:
    def fail() -> str:
        msg = "The file is not there."
        raise ToolError(msg)

    def crash() -> str:
        return str(1 // 0)

    tools = (made("fail", fail), made("crash", crash), made("work", lambda: {"ok": True}))
    turns, recorder = make(calls("fail", "work", "crash", "nothing"), *tools)

    assert [turn.content for turn in turns] == [
        '{"error": "The file is not there."}',
        '{"ok": true}',
        '{"error": "crash failed: ZeroDivisionError: integer division or modulo by zero"}',
        '{"error": "There is no tool \'nothing\'. There are: crash, fail, work."}',
    ]
    assert sum(isinstance(event, ToolFailed) for event in recorder.events) == 3


def test_arguments_that_are_no_json_are_recorded_as_they_came() -> None:
    wanted = [ToolCall(id="c", name="work", arguments='{"a": ')]

    turns, recorder = make(wanted, made("work", lambda: 1), offset=7)

    called = recorder.events[0]
    assert isinstance(called, ToolCalled)
    assert (called.arguments, called.offset) == ({"unreadable": '{"a": '}, 7)
    assert "Invalid JSON" in turns[0].content


def test_a_tool_that_takes_too_long_is_given_up() -> None:
    release = threading.Event()
    tools = (made("hang", lambda: release.wait(20), timeout_seconds=0.1), made("ok", lambda: 1))

    turns, _ = make(calls("hang", "ok"), *tools)
    release.set()

    assert turns[0].content == '{"error": "hang took longer than 0.1 s and was given up."}'
    assert turns[1].content == "1"


def test_stop_ends_the_round_and_reaches_the_tools() -> None:
    context = ToolContext()
    told = threading.Event()

    def work(run: ToolContext) -> str:
        run.cancellation.on_cancel(told.set)
        run.cancellation.cancel()
        threading.Event().wait(0.2)
        return "too late"

    recorder = MemoryRecorder()
    tools = Registry([made("work", work), made("hang", lambda: told.wait(20))])
    with pytest.raises(Cancelled):
        call_all(calls("work"), tools=tools, context=context, recorder=recorder)

    assert told.is_set()
    assert recorder.kinds == ["tool.called", "tool.failed"]


def test_a_script_asks_and_allows_right_where_it_is() -> None:
    @tool(needs_approval=True)
    def pay(amount: int) -> str:
        """Pay.

        Args:
            amount: How much.
        """
        return f"paid {amount}"

    asked: list[object] = []

    def allow(name: str, arguments: dict[str, JsonValue]) -> bool:
        asked.append((name, arguments))
        return arguments["amount"] == 5

    context = ToolContext(ask=lambda question: f"You asked: {question}", allow=allow)
    wanted = [
        ToolCall(id="1", name="pay", arguments='{"amount": 5}'),
        ToolCall(id="2", name="pay", arguments='{"amount": 6}'),
        ToolCall(id="3", name="ask_user", arguments='{"user_request": "Which?"}'),
    ]

    turns = call_all(
        wanted,
        tools=Registry([pay, *registry.all()]),
        context=context,
        recorder=MemoryRecorder(),
    )

    assert asked == [("pay", {"amount": 5}), ("pay", {"amount": 6})]
    paid, refused, answered = [turn.content for turn in turns]
    assert (paid, answered) == ("paid 5", "You asked: Which?")
    assert "does not allow" in refused


def test_what_has_an_order_keeps_it_and_holds_up_nobody_else() -> None:
    done: list[str] = []
    third = threading.Event()

    @tool(in_order=True)
    def put(text: str, seconds: float = 0) -> str:
        """Put something down.

        Args:
            text: What.
            seconds: How long that takes.
        """
        third.wait(seconds)
        done.append(text)
        if text == "2":
            raise ToolError(text)
        return text

    @tool
    def hurry() -> str:
        """Be done at once."""
        third.set()
        return "there"

    wanted = [
        ToolCall(id="1", name="put", arguments='{"text": "1", "seconds": 5}'),
        ToolCall(id="2", name="put", arguments='{"text": "2"}'),
        ToolCall(id="3", name="put", arguments='{"text": "3"}'),
        ToolCall(id="4", name="hurry", arguments="{}"),
    ]

    turns = call_all(
        wanted, tools=Registry([put, hurry]), context=ToolContext(), recorder=MemoryRecorder()
    )

    assert done == ["1", "2", "3"]
    assert [turn.content for turn in turns] == ["1", '{"error": "2"}', "3", "there"]
