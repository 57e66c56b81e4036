"""Runs that wait for a person: approvals and questions."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import pytest
from django.test import Client
from django.utils import timezone
from pydantic import Field
from pytest_django import Settings

from agents.models import Agent
from agents.tools import tool
from agents.tools.registry import registry
from chat import gateway, pending, selectors, tasks
from chat.errors import NothingToAnswer, NothingToApprove
from chat.models import Lease, Message, Run, Thread
from tests.chat.talk import ask, kinds, say, work
from tests.support.stand_in import StandIn, script
from tracer.log import read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

SENT: list[int] = []


@tool(needs_approval=True)
def send_money(
    amount: Annotated[int, Field(description="How much.")],
) -> str:
    """Send money to somebody."""
    SENT.append(amount)
    return f"sent {amount}"


@pytest.fixture
def careful_thread(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Thread]:
    """A thread whose agent may send money, if a person allows it, and ask questions."""
    monkeypatch.setitem(registry._tools, "send_money", send_money)  # noqa: SLF001
    agent, _ = scripted
    agent.tools = ["send_money", "ask_user", "calculator"]
    agent.save()
    SENT.clear()
    yield scripted_thread
    SENT.clear()


def call(name: str, arguments: str) -> dict[str, str]:
    return {"name": name, "arguments": arguments}


PAY = script(
    calls=[call("send_money", '{"amount": 5}'), call("calculator", '{"expression": "1+1"}')]
)
QUESTION = script(calls=[call("ask_user", '{"user_request": "Which colour?"}')])


def the_pending(run: Run) -> str:
    (found,) = pending.of(run)
    return found


def answer_of(run: Run) -> str:
    return Message.objects.get(id=run.answer_id).content


def test_a_call_waits_for_leave_and_holds_no_worker(careful_thread: Thread) -> None:
    run = ask(careful_thread, PAY)

    assert run.state == "waiting"
    assert SENT == []
    assert "tool.returned" in kinds(careful_thread)  # the call beside it has been made
    assert not Lease.objects.exclude(holder="").exists()
    assert selectors.unattended_threads(queued_for=timedelta(0)) == []
    work(careful_thread)
    run.refresh_from_db()
    assert run.state == "waiting"

    gateway.decide(careful_thread, call=the_pending(run), allow=True, actor="user:1")
    work(careful_thread)

    run.refresh_from_db()
    assert (run.state, run.crashes, SENT) == ("completed", 0, [5])
    assert "sent 5" in answer_of(run)
    assert kinds(careful_thread).count("tool.called") == 2


def test_only_the_first_decision_counts(careful_thread: Thread) -> None:
    run = ask(careful_thread, PAY)
    waits_for = the_pending(run)
    gateway.decide(careful_thread, call=waits_for, allow=False, actor="user:1")

    with pytest.raises(NothingToApprove):
        gateway.decide(careful_thread, call=waits_for, allow=True, actor="user:2")

    work(careful_thread)
    run.refresh_from_db()
    assert (run.state, SENT) == ("completed", [])
    assert "does not allow this call" in answer_of(run)


def test_a_question_is_answered(careful_thread: Thread) -> None:
    run = ask(careful_thread, QUESTION)
    assert run.state == "waiting"
    question = the_pending(run)
    with pytest.raises(NothingToApprove):
        gateway.decide(careful_thread, call=question, allow=True, actor="user:1")

    gateway.answer(careful_thread, question=question, content="Blue.", actor="user:1")

    with pytest.raises(NothingToAnswer):
        gateway.answer(careful_thread, question=question, content="Red.", actor="user:1")
    work(careful_thread)
    run.refresh_from_db()
    assert run.state == "completed"
    assert "Blue." in answer_of(run)


def test_a_new_message_takes_the_place_of_a_decision(careful_thread: Thread) -> None:
    run = ask(careful_thread, PAY)

    second = say(careful_thread, script(text="Never mind."))
    work(careful_thread)

    run.refresh_from_db()
    assert (run.state, SENT) == ("completed", [])
    assert Run.objects.get(id=second.run).state == "completed"
    assert "tool.denied" in kinds(careful_thread)


def test_a_message_from_before_the_question_lets_it_stand(careful_thread: Thread) -> None:
    first = say(careful_thread, PAY)
    second = say(careful_thread, script(text="And this."))

    work(careful_thread)

    assert Run.objects.get(id=first.run).state == "waiting"
    assert Run.objects.get(id=second.run).state == "queued"
    gateway.decide(
        careful_thread, call=the_pending(Run.objects.get(id=first.run)), allow=True, actor="user:1"
    )
    work(careful_thread)
    assert list(Run.objects.order_by("seq").values_list("state", flat=True)) == ["completed"] * 2


def test_nobody_decides_until_the_deadline(careful_thread: Thread, settings: Settings) -> None:
    settings.APPROVAL_HOURS = 1
    run = ask(careful_thread, PAY)
    assert run.waiting_until is not None
    assert abs(run.waiting_until - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    assert selectors.overdue_threads() == []

    settings.APPROVAL_HOURS = 0
    late = ask(gateway.start(owner=careful_thread.owner, agent="scripted", actor="user:1"), PAY)
    tasks.resume_runs()

    late.refresh_from_db()
    assert late.state == "queued"
    work(late.thread)
    late.refresh_from_db()
    assert (late.state, SENT) == ("completed", [])
    assert "Nobody allowed this call in time" in answer_of(late)


def test_a_waiting_run_is_stopped_with_what_it_has_said(careful_thread: Thread) -> None:
    run = ask(
        careful_thread, script(text="I would pay.", calls=[call("send_money", '{"amount": 1}')])
    )

    gateway.stop(careful_thread, actor="user:1")

    run.refresh_from_db()
    answer = Message.objects.get(id=run.answer_id)
    assert (run.state, answer.content, answer.finish) == ("cancelled", "I would pay.", "stopped")
    assert run.waiting_until is None


@pytest.mark.parametrize(("decision", "sent"), [("allow", [5]), ("deny", [])])
def test_a_page_without_a_script_decides(
    careful_thread: Thread, client: Client, decision: str, sent: list[int]
) -> None:
    client.force_login(careful_thread.owner)
    run = ask(careful_thread, PAY)
    path = f"/threads/{careful_thread.id}/"
    assert b"needs your leave" in client.get(path).content

    given = {"action": "approve", "call": the_pending(run), "decision": decision}
    assert client.post(path, given).status_code == 302
    assert client.post(path, given).status_code == 422
    work(careful_thread)

    run.refresh_from_db()
    assert (run.state, SENT) == ("completed", sent)


def test_a_page_without_a_script_answers(careful_thread: Thread, client: Client) -> None:
    client.force_login(careful_thread.owner)
    run = ask(careful_thread, QUESTION)

    given = {"action": "answer", "question": the_pending(run), "content": "Green."}
    client.post(f"/threads/{careful_thread.id}/", given)
    work(careful_thread)

    assert "Green." in answer_of(run)


def test_leave_is_bound_to_the_arguments(careful_thread: Thread) -> None:
    run = ask(careful_thread, PAY)
    gateway.decide(careful_thread, call=the_pending(run), allow=True, actor="user:1")

    (requested,) = (e.event for e in read(careful_thread.stream) if e.kind.endswith("requested"))
    (approved,) = (e.event for e in read(careful_thread.stream) if e.kind == "tool.approved")

    assert requested.payload()["digest"] == approved.payload()["digest"]


TWICE = script(calls=[call("send_money", '{"amount": 5}'), call("send_money", '{"amount": 6}')])


def test_leave_is_remembered_for_a_thread(careful_thread: Thread) -> None:
    run = ask(careful_thread, TWICE)
    first = next(iter(pending.of(run)))

    gateway.decide(careful_thread, call=first, allow=True, remember=True, actor="user:1")
    work(careful_thread)
    run.refresh_from_db()
    assert (run.state, sorted(SENT)) == ("completed", [5, 6])

    again = ask(careful_thread, PAY)
    assert (again.state, sorted(SENT)) == ("completed", [5, 5, 6])
    fork = gateway.fork(careful_thread, actor="user:1")
    assert ask(fork, PAY).state == "waiting"


def test_leave_for_one_call_is_for_one_call(careful_thread: Thread) -> None:
    run = ask(careful_thread, TWICE)
    first, second = pending.of(run)

    gateway.decide(careful_thread, call=first, allow=True, actor="user:1")
    work(careful_thread)

    run.refresh_from_db()
    assert run.state == "waiting"
    assert list(pending.of(run)) == [second]


def test_an_agent_may_need_leave_for_any_tool(careful_thread: Thread) -> None:
    Agent.objects.filter(slug="scripted").update(approvals=["calculator"])
    run = ask(careful_thread, script(calls=[call("calculator", '{"expression": "1+1"}')]))
    assert run.state == "waiting"

    gateway.decide(careful_thread, call=the_pending(run), allow=True, actor="user:1")
    work(careful_thread)

    run.refresh_from_db()
    assert run.state == "completed"
    assert '"result": 2' in answer_of(run)


def test_the_page_remembers(careful_thread: Thread, client: Client) -> None:
    client.force_login(careful_thread.owner)
    run = ask(careful_thread, PAY)

    given = {"action": "approve", "call": the_pending(run), "decision": "always"}
    assert client.post(f"/threads/{careful_thread.id}/", given).status_code == 302
    work(careful_thread)

    assert ask(careful_thread, PAY).state == "completed"
