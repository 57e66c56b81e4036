"""The loop: rounds, limits, and going on where a conversation stands."""

from typing import Any

import pytest
from typing_extensions import override

from agents.errors import Cancelled, LLMError, TooManyRounds
from agents.llm import Broker, CompletionConfig, Provider, Request, Retries, Sink, TextSink
from agents.messages import Reply, ToolCall, Turn, open_calls
from agents.recording import MemoryRecorder
from agents.runner import Job, run
from agents.tools import ToolContext, tool
from agents.tools.collection import Registry
from agents.tools.registry import registry


class Scripted(Provider):
    """A provider whose model says what it is told to."""

    def __init__(self, *replies: Reply | LLMError) -> None:
        self.replies = list(replies)
        self.asked: list[list[Turn]] = []

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        self.asked.append(list(request.turns))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, LLMError):
            raise reply
        if reply.content:
            sink.add(reply.content)
        return reply


def calling(identity: str, content: str = "") -> Reply:
    call = ToolCall(id=identity, name="calculator", arguments='{"expression": "1+1"}')
    return Reply(content=content, calls=(call,))


def broker_of(provider: Scripted) -> Broker:
    return Broker(providers={"x": provider}, retries=Retries(times=0))


def go(provider: Scripted, turns: list[Turn], **options: Any) -> tuple[TextSink, MemoryRecorder]:
    recorder, sink = MemoryRecorder(), TextSink()
    job = Job(**{"model": "x/model", "turns": turns, "tools": registry, **options})
    run(job, broker=broker_of(provider), context=ToolContext(), recorder=recorder, sink=sink)
    return sink, recorder


QUESTION = Turn(role="user", content="?")


def test_rounds_go_on_until_an_answer() -> None:
    model = Scripted(calling("a", "Let me see."), calling("b"), Reply(content="Two."))

    sink, recorder = go(model, [QUESTION])

    assert sink.text == "Let me see.\n\nTwo."
    assert [turn.role for turn in model.asked[-1]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
    ]
    assert '"result": 2' in model.asked[-1][2].content
    assert recorder.kinds.count("llm.called") == 3


def test_an_agent_that_never_answers_is_stopped() -> None:
    with pytest.raises(TooManyRounds, match="3 times"):
        go(Scripted(calling("a")), [QUESTION], config=CompletionConfig(max_tool_iterations=3))


def test_open_calls_are_made_first() -> None:
    said = Turn(role="assistant", calls=(*calling("a").calls, *calling("b").calls))
    have = Turn(role="tool", call_id="a", content="2")

    model = Scripted(Reply(content="Done."))
    _, recorder = go(model, [QUESTION, said, have])

    assert recorder.kinds == ["tool.called", "tool.returned", "llm.called", "llm.responded"]
    assert model.asked[0][-1].call_id == "b"


def test_a_failure_of_the_model_is_recorded() -> None:
    recorder = MemoryRecorder()
    job = Job(model="x/model", turns=[QUESTION], tools=registry)
    with pytest.raises(LLMError):
        run(
            job,
            broker=broker_of(Scripted(LLMError("No.", code="server_error", retryable=True))),
            context=ToolContext(),
            recorder=recorder,
            sink=TextSink(),
        )

    assert recorder.kinds == ["llm.called", "llm.failed"]


def test_a_stopped_run_asks_nobody() -> None:
    context = ToolContext()
    context.cancellation.cancel()
    model = Scripted(Reply(content="x"))
    job = Job(model="x/model", turns=[QUESTION], tools=registry)

    with pytest.raises(Cancelled):
        run(
            job,
            broker=broker_of(model),
            context=context,
            recorder=MemoryRecorder(),
            sink=TextSink(),
        )

    assert model.asked == []


def test_only_calls_at_the_end_are_open() -> None:
    said = Turn(role="assistant", calls=calling("a").calls)
    have = Turn(role="tool", call_id="a", content="2")

    assert open_calls([QUESTION, said]) == said.calls
    assert open_calls([QUESTION, said, have]) == ()
    assert open_calls([said, QUESTION]) == ()
    assert open_calls([]) == ()


def test_results_of_older_rounds_are_cut_where_the_window_is_full() -> None:
    book = "y" * 20_000

    @tool
    def read_book() -> str:
        """Read a book."""
        return book

    def reading(identity: str) -> Reply:
        return Reply(content="", calls=(ToolCall(id=identity, name="read_book"),))

    model = Scripted(reading("a"), reading("b"), Reply(content="Read."))
    offered = Registry([read_book])

    go(model, [QUESTION], tools=offered, window=8_000)

    first, second = [turn.content for turn in model.asked[-1] if turn.role == "tool"]
    assert "16000 characters are left out" in first
    assert second == book
