"""Agents that ask each other: nested runs, limits, and nothing that goes round in circles."""

import json
import threading

import pytest
from django.db import connection

from agents import delegation
from agents.models import Agent
from chat import control, gateway, history, plans
from chat.models import Message, Run, Thread, User
from tests.chat.talk import ask, say, work
from tests.support.installation import wait_until
from tests.support.stand_in import StandIn, script
from tracer import log
from tracer.events import Recorded

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def handing_over(slug: str, request: str, times: int = 1) -> str:
    """Write a message that has the model hand something over."""
    arguments = json.dumps({"request": request})
    return script(calls=[{"name": f"ask_{slug}", "arguments": arguments}] * times)


@pytest.fixture
def model(scripted: tuple[Agent, StandIn]) -> StandIn:
    """Three agents on one server: the first may ask the second, that one the third and back."""
    first, server = scripted
    first.delegates = ["second", "gone"]
    first.save()
    for slug, delegates, tools in (
        ("second", ["third", "scripted"], ["calculator", "append_task", "ask_user"]),
        ("third", ["second", "fourth"], []),
        ("fourth", ["fifth"], []),
        ("fifth", [], []),
    ):
        Agent.objects.create(
            slug=slug,
            name=slug.title(),
            description=f"Knows {slug} things.",
            model="openai/stand-in",
            system_prompt=f"You are {slug}.",
            tools=tools,
            delegates=delegates,
        )
    return server


@pytest.fixture
def thread(owner: User, model: StandIn) -> Thread:
    return gateway.start(owner=owner, agent="scripted", actor="user:1")


def events(thread: Thread, kind: str) -> list[Recorded]:
    return list(log.read(thread.stream, kinds=[kind]))


def result(thread: Thread) -> str:
    """Return the result of the run's first call."""
    run = Run.objects.get()
    found = [*events(thread, "tool.returned"), *events(thread, "tool.failed")]
    (data, *_) = [e.event.payload() for e in found if e.correlation_id == run.id]
    return str(data.get("result", data.get("error")))


def test_an_agent_asks_another_one(thread: Thread, model: StandIn) -> None:
    run = ask(thread, handing_over("second", script(text="From the second.")))

    assert result(thread) == "From the second."
    (delegated,) = events(thread, "agent.delegated")
    child = delegated.event.payload()["child"]
    nested = [e for e in log.read(thread.stream) if str(e.correlation_id) == child]
    assert [e.kind for e in nested] == ["llm.called", "llm.responded"]
    assert {e.actor for e in nested} == {"agent:second"}
    asked = model.requests[1]["messages"]
    assert asked[0] == {"role": "system", "content": "You are second."}
    assert len(asked) == 2
    offered = {tool["function"]["name"] for tool in model.requests[0]["tools"]}
    assert "ask_second" in offered
    assert "ask_gone" not in offered
    assert Message.objects.filter(thread=thread).count() == 2
    assert Run.objects.count() == 1
    steps = [step.name for entry in history.of(thread).entries for step in entry.steps]
    assert steps == ["ask_second"]
    assert (run.usage or {})["prompt_tokens"] == 3 * 7


def test_it_uses_its_own_tools_and_plan(thread: Thread, model: StandIn) -> None:
    calls = [
        {"name": "calculator", "arguments": '{"expression": "6*7"}'},
        {"name": "append_task", "arguments": '{"description": "of the second"}'},
    ]

    ask(thread, handing_over("second", script(calls=calls)))

    assert '"result": 42' in result(thread)
    assert plans.of(Thread.objects.get(id=thread.id)).tasks == ()
    offered = {tool["function"]["name"] for tool in model.requests[1]["tools"]}
    assert {"calculator", "append_task", "ask_third"} <= offered
    assert offered.isdisjoint({"ask_user", "ask_scripted"})


def test_they_ask_each_other_three_deep(thread: Thread) -> None:
    deepest = handing_over("fifth", "Hello")
    request = handing_over("second", handing_over("third", handing_over("fourth", deepest)))

    ask(thread, request)

    delegated = [e.event.payload() for e in events(thread, "agent.delegated")]
    assert [each["agent"] for each in delegated] == ["second", "third", "fourth"]
    assert "There is no tool 'ask_fifth'" in str(
        [e.event.payload() for e in events(thread, "tool.failed")]
    )


def test_a_run_hands_over_so_much_and_no_more(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delegation, "MOST_DELEGATIONS", 3)

    ask(thread, handing_over("second", script(text="Yes."), times=5))

    assert len(events(thread, "agent.delegated")) == 3
    failed = [e.event.payload()["error"] for e in events(thread, "tool.failed")]
    assert len(failed) == 2
    assert all("3 things were handed over" in each for each in failed)


@pytest.mark.parametrize(
    ("request_", "message"),
    [(script(fail="500"), "gave no answer"), ("  ", "not 2"), ("x" * 20_001, "not 20,001")],
)
def test_what_goes_wrong_is_said(thread: Thread, request_: str, message: str) -> None:
    run = ask(thread, handing_over("second", request_))

    assert message in result(thread)
    assert run.state == "completed"


def test_one_that_is_switched_off_is_not_asked(thread: Thread, model: StandIn) -> None:
    Agent.objects.filter(slug="second").update(active=False)

    ask(thread, handing_over("second", "Hello"))

    assert "There is no tool 'ask_second'" in result(thread)


def test_stop_reaches_the_nested_run(thread: Thread, model: StandIn) -> None:
    cut = model.seen["cut"]
    slow = script(tokens=2_000, per_second=50)
    receipt = say(thread, handing_over("second", slow))

    def stop_soon() -> None:
        wait_until(lambda: len(model.requests) > 1, seconds=5, what="the nested call")
        control.cancel(receipt.run)
        connection.close()

    stopper = threading.Thread(target=stop_soon)
    stopper.start()
    work(thread)
    stopper.join()

    assert Run.objects.get(id=receipt.run).state == "cancelled"
    wait_until(lambda: model.seen["cut"] > cut, seconds=5, what="the cut")
