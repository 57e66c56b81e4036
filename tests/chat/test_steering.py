"""Messages that are given to a run under way."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from pydantic import JsonValue

from agents.models import Agent
from agents.tools import tool
from agents.tools.registry import registry
from chat import answers, gateway
from chat.errors import NothingToSteer, TooManySteers
from chat.events import MessageAdded
from chat.models import Message, Run, Thread
from tests.chat.talk import ask, say, work
from tests.support.stand_in import StandIn, script

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

TALK = script(calls=[{"name": "be_told", "arguments": "{}"}])


def steer(thread: Thread, content: str, **options: Any) -> gateway.Receipt:
    return gateway.steer(thread=thread, content=content, channel="web", sender="user:1", **options)


@tool
def be_told() -> str:
    """Have the person say something while this is at work."""
    steer(Thread.objects.get(), "Make it short.")
    return "told"


@pytest.fixture
def steered_thread(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn], monkeypatch: pytest.MonkeyPatch
) -> Thread:
    """A thread whose agent's tool is talked to."""
    monkeypatch.setitem(registry._tools, "be_told", be_told)  # noqa: SLF001
    monkeypatch.setattr("agents.tools.execution._threads", lambda _: _InThisThread())
    agent, _ = scripted
    agent.tools = ["be_told"]
    agent.save()
    return scripted_thread


class _InThisThread:
    """Calls tools where the test's transaction is."""

    def submit(self, function: Callable[..., JsonValue], *arguments: object) -> Future[JsonValue]:
        done: Future[JsonValue] = Future()
        done.set_result(function(*arguments))
        return done


def test_a_message_reaches_the_run_under_way_at_its_next_step(
    steered_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    run = ask(steered_thread, TALK)

    assert run.state == "completed"
    asked = scripted[1].requests[-1]["messages"]
    assert [each["role"] for each in asked] == ["user", "assistant", "tool", "user"]
    assert asked[-1]["content"] == "Make it short."
    said = Message.objects.get(content="Make it short.")
    assert (said.run_id, said.taken_by) == (run.id, run.id)
    assert Run.objects.count() == 1


def test_what_was_steered_stands_where_it_was_said_afterwards(
    steered_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    ask(steered_thread, TALK)

    ask(steered_thread, script(text="Fine."))

    roles = [each["role"] for each in scripted[1].requests[-1]["messages"]]
    assert roles == ["user", "assistant", "tool", "user", "assistant", "user"]


def test_steering_that_comes_too_late_is_answered_next(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = say(scripted_thread, script(text="Done."))
    end = _before_the_end(monkeypatch, lambda: steer(scripted_thread, script(text="Late.")))

    work(scripted_thread)

    assert end == ["called"]
    late = Run.objects.exclude(id=first.run).get()
    assert late.state == "completed"
    assert Message.objects.get(id=late.answer_id).content == "Late."
    scripted_thread.refresh_from_db()
    assert scripted_thread.head == late.answer_id


def _before_the_end(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> list[str]:
    called: list[str] = []
    message = answers.message

    def then(*arguments: Any, **options: Any) -> MessageAdded:
        if not called:
            called.append("called")
            do()
        return message(*arguments, **options)

    monkeypatch.setattr(answers, "message", then)
    return called


def test_there_is_nothing_to_steer(thread: Thread) -> None:
    with pytest.raises(NothingToSteer):
        steer(thread, "Left!")
    assert Message.objects.count() == 0


def test_a_run_takes_ten_messages_at_most(thread: Thread) -> None:
    say(thread, "Hello")
    for number in range(10):
        steer(thread, f"{number}")

    with pytest.raises(TooManySteers):
        steer(thread, "one more")

    work(thread)
    assert Run.objects.count() == 1
    assert Message.objects.filter(role="user", taken_by=None).count() == 1  # the first one
