"""A turn: answers, tools, failures, stops, and workers that vanish."""

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agents import endpoints
from agents.events import LLMResponded, ToolCalled, ToolReturned
from agents.messages import Reply, ToolCall
from agents.models import Agent
from chat import context, control, gateway, leases, selectors, steps, tasks, tree, turn
from chat.errors import LeaseLost, NothingToRetry, NothingToStop, RunActive
from chat.events import RunCrashed, RunStarted
from chat.models import Lease, Message, Run, Thread
from chat.projections import IllegalMove
from tests.chat.talk import ask, kinds, say, work
from tests.support.installation import wait_until
from tests.support.stand_in import StandIn, script, tokens
from tracer import live
from tracer.log import append, read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def problem(run: Run) -> dict[str, Any]:
    assert run.error is not None
    return dict(run.error)


def answer_of(run: Run) -> Message:
    return Message.objects.get(id=run.answer_id)


def test_an_answer_lands_as_a_message(scripted_thread: Thread) -> None:
    run = ask(scripted_thread, script(tokens=300))

    answer = answer_of(run)
    assert answer.content == "".join(tokens(300))
    assert (answer.role, answer.finish, answer.parent_id) == (
        "assistant",
        "complete",
        run.message_id,
    )
    assert (run.state, run.attempt) == ("completed", 1)
    assert run.usage == {
        "prompt_tokens": 7,
        "completion_tokens": 300,
        "cached_tokens": 0,
        "reasoning_tokens": 0,
        "written_tokens": 0,
        "counted": False,
    }
    assert kinds(scripted_thread) == [
        "thread.started",
        "message.added",
        "run.queued",
        "run.started",
        "llm.called",
        "llm.responded",
        "message.added",
        "run.completed",
    ]


def test_the_model_sees_the_prompt_and_what_was_said(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    Agent.objects.update(system_prompt="Be brief.")
    ask(scripted_thread, "one")
    ask(scripted_thread, "two")

    sent = [(m["role"], m["content"]) for m in scripted[1].requests[-1]["messages"]]
    assert sent == [
        ("system", "Be brief."),
        ("user", "one"),
        ("assistant", "You said: one"),
        ("user", "two"),
    ]


CALLS = [
    {"name": "calculator", "arguments": '{"expression": "17*23"}'},
    {"name": "calculator", "arguments": '{"expression": "1/0"}'},
    {"name": "current_datetime", "arguments": "{}"},
]


def test_tools_are_called_and_their_results_told(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    run = ask(scripted_thread, script(calls=CALLS))

    said = answer_of(run).content
    assert '"result": 391' in said
    assert "Division by zero" in said
    assert "There is no tool 'current_datetime'" in said  # it is not switched on
    events = [entry for entry in read(scripted_thread.stream) if entry.kind.startswith("tool.")]
    assert [entry.kind for entry in events][:3] == ["tool.called"] * 3
    assert {entry.correlation_id for entry in events} == {run.id}


def test_a_later_turn_sees_the_tools_of_an_earlier_one(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    ask(scripted_thread, script(calls=CALLS[:1]))
    ask(scripted_thread, "and now?")

    sent = scripted[1].requests[-1]["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[1]["tool_calls"][0]["function"]["name"] == "calculator"
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"]


@pytest.mark.parametrize(
    ("fail", "after", "code"),
    [
        ("429", 0, "rate_limited"),
        ("500", 0, "server_error"),
        ("401", 0, "unauthorized"),
        ("drop", 4, "stream_dropped"),
        ("malformed", 4, "bad_response"),
        ("error", 4, "server_error"),
        ("silence", 4, "timeout"),
    ],
)
def test_a_failure_keeps_the_text_and_says_why(
    scripted_thread: Thread, fail: str, after: int, code: str
) -> None:
    run = ask(scripted_thread, script(tokens=9, fail=fail, after=after))

    assert run.state == "failed"
    assert problem(run)["code"] == code
    assert len(problem(run)["detail"].split()) > 4  # a sentence
    kept = Message.objects.filter(id=run.answer_id).first()
    assert (kept.content if kept else "") == "".join(tokens(after))
    assert kept is None or kept.finish == "failed"
    assert kinds(scripted_thread)[-1] == "run.failed"
    assert "llm.failed" in kinds(scripted_thread)


def test_a_failed_message_can_be_tried_again(scripted_thread: Thread) -> None:
    failed = ask(scripted_thread, script(tokens=9, fail="drop", after=4))

    gateway.retry(scripted_thread, actor="user:1")
    work(scripted_thread)

    again = Run.objects.exclude(id=failed.id).get()
    assert again.message_id == failed.message_id
    answers = Message.objects.filter(parent_id=failed.message_id)
    assert {answer.id for answer in answers} == {failed.answer_id, again.answer_id}
    scripted_thread.refresh_from_db()
    assert scripted_thread.head == again.answer_id


def test_retry_needs_a_run_that_has_ended(thread: Thread) -> None:
    with pytest.raises(NothingToRetry):
        gateway.retry(thread, actor="user:1")
    say(thread, "Hello")
    with pytest.raises(RunActive):
        gateway.retry(thread, actor="user:1")


def test_an_agent_that_is_gone_fails_the_run(thread: Thread) -> None:
    receipt = say(thread, "Hello")
    Agent.objects.update(active=False)
    work(thread)

    run = Run.objects.get(id=receipt.run)
    assert (run.state, problem(run)["code"]) == ("failed", "no_such_agent")


def test_a_fault_of_ours_fails_the_run_and_is_logged(
    thread: Thread, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(context, "build", crash)

    run = ask(thread, "Hello")

    assert problem(run)["code"] == "internal"
    assert "ZeroDivisionError" in caplog.text


def test_messages_of_a_thread_are_answered_in_order(scripted_thread: Thread) -> None:
    receipts = [say(scripted_thread, f"number {number}") for number in range(5)]
    work(scripted_thread)

    answers = Message.objects.filter(role="assistant").order_by("seq")
    assert [answer.run_id for answer in answers] == [receipt.run for receipt in receipts]
    path = list(tree.upwards(answers.last().id))[::-1]  # type: ignore[union-attr]
    assert [m.content for m in path if m.role == "user"] == [f"number {n}" for n in range(5)]


def test_a_path_through_what_waited_is_read_in_a_few_pages(
    scripted_thread: Thread, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(40):
        say(scripted_thread, f"number {number}")
    work(scripted_thread)
    scripted_thread.refresh_from_db()

    with django_assert_max_num_queries(8):
        path = [message.content for message in tree.upwards(scripted_thread.head)]

    assert path[-2:] == ["You said: number 0", "number 0"]
    assert len(path) == 80


# Stop -------------------------------------------------------------------------------------------


def test_a_run_that_waits_is_stopped_at_once(thread: Thread) -> None:
    receipt = say(thread, "Hello")

    assert gateway.stop(thread, actor="user:1") == [receipt.run]

    assert Run.objects.get().state == "cancelled"
    work(thread)
    assert "run.started" not in kinds(thread)
    with pytest.raises(NothingToStop):
        gateway.stop(thread, actor="user:1")


def test_a_running_answer_is_stopped_and_keeps_its_text(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    receipt = say(scripted_thread, script(tokens=10_000, per_second=200))

    def press_stop() -> None:
        key = live.snapshot_key(str(receipt.run), 1)
        wait_until(lambda: live.connection().strlen(key) > 100, seconds=10, what="the first text")
        control.cancel(receipt.run)

    presser = threading.Thread(target=press_stop)
    presser.start()
    work(scripted_thread)
    presser.join()

    run = Run.objects.get()
    answer = answer_of(run)
    assert (run.state, answer.finish) == ("cancelled", "stopped")
    assert "".join(tokens(10_000)).startswith(answer.content)
    assert len(answer.content) > 50
    wait_until(lambda: scripted[1].seen["cut"] == 1, seconds=2, what="the closed stream")


# Workers that vanish ----------------------------------------------------------------------------


def left_behind(thread: Thread, content: str, *events: Any, attempt: int = 1) -> Run:
    """Leave a run the way a worker does that is killed: running, its lease run out."""
    receipt = say(thread, content)
    run = Run.objects.get(id=receipt.run)
    for number in range(1, attempt + 1):
        if number > 1:
            crashed = RunCrashed(run=run.id, agent=run.agent, attempt=number - 1)
            append(thread.stream, crashed, correlation_id=run.id)
        started = RunStarted(run=run.id, agent=run.agent, attempt=number, answer=run.answer_id)
        append(thread.stream, started, correlation_id=run.id)
    for event in events:
        append(thread.stream, event(run.id), correlation_id=run.id)
    past = timezone.now() - timedelta(seconds=1)
    Lease.objects.create(stream=thread.stream, holder="dead", epoch=1, expires_at=past)
    return run


def test_a_run_that_was_left_behind_is_taken_over(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    run = left_behind(scripted_thread, "Hello")
    assert selectors.unattended_threads(queued_for=timedelta(0)) == [scripted_thread.id]

    work(scripted_thread)

    run.refresh_from_db()
    assert (run.state, run.attempt) == ("completed", 2)
    assert kinds(scripted_thread)[3:6] == ["run.started", "run.crashed", "run.started"]
    last = scripted[1].requests[-1]["messages"][-1]
    assert last == {"role": "system", "content": steps.CRASH_NOTE}
    assert selectors.unattended_threads(queued_for=timedelta(0)) == []


def test_finished_tools_are_not_run_again(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    wanted = (
        *(
            ToolCall(id=name, name="calculator", arguments='{"expression": "6*7"}')
            for name in ("done", "begun", "waiting")
        ),
        ToolCall(id="risky", name="send_money", arguments="{}"),
    )
    run = left_behind(
        scripted_thread,
        "Hello",
        lambda run: LLMResponded(
            run=run, attempt=1, model="m", content="Let me see.", calls=wanted
        ),
        *(
            lambda run, call=call: ToolCalled(run=run, call=call, name="calculator", arguments={})
            for call in ("done", "begun", "risky")
        ),
        lambda run: ToolReturned(run=run, call="done", name="calculator", result="from before"),
    )
    before = len(kinds(scripted_thread))

    work(scripted_thread)

    called = [
        entry.event.call
        for entry in read(scripted_thread.stream, before)
        if isinstance(entry.event, ToolCalled)
    ]
    assert called == ["begun", "waiting"]  # it is safe to work a sum out again
    results = {
        m["tool_call_id"]: m["content"]
        for m in scripted[1].requests[-1]["messages"]
        if m["role"] == "tool"
    }
    assert results["done"] == "from before"
    assert '"result": 42' in results["begun"]
    assert "Nobody knows whether it took effect" in results["risky"]
    run.refresh_from_db()
    assert answer_of(run).content.startswith("Let me see.\n\nThe tools say:")
    told = scripted[1].requests[-1]["messages"][-1]
    assert told == {"role": "system", "content": steps.CRASH_NOTE}


def test_a_run_that_breaks_down_again_and_again_is_given_up(scripted_thread: Thread) -> None:
    run = left_behind(scripted_thread, "Hello", attempt=turn.MAX_CRASHES)
    live.connection().set(live.snapshot_key(str(run.id), turn.MAX_CRASHES), "half an ans")

    work(scripted_thread)

    run.refresh_from_db()
    assert (run.state, problem(run)["code"]) == ("failed", "crashed")
    assert answer_of(run).content == "half an ans"


def test_a_stop_is_kept_even_when_the_worker_vanishes(scripted_thread: Thread) -> None:
    run = left_behind(scripted_thread, "Hello")
    gateway.stop(scripted_thread, actor="user:1")

    work(scripted_thread)

    run.refresh_from_db()
    assert run.state == "cancelled"


def test_a_worker_that_has_lost_its_lease_writes_nothing(
    scripted_thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(scripted_thread, "Hello")
    generate = endpoints.broker().ask

    def slow(*args: Any, **options: Any) -> Reply:
        Lease.objects.update(holder="another", epoch=7)
        return generate(*args, **options)

    monkeypatch.setattr(endpoints.broker(), "ask", slow)
    work(scripted_thread)

    assert kinds(scripted_thread)[-1] == "llm.called"
    assert Run.objects.get().state == "running"
    assert Lease.objects.get().holder == "another"


# Leases and moves -------------------------------------------------------------------------------


def test_a_lease_has_one_holder(thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    with leases.held("s") as first:
        assert first is not None
        with leases.held("s") as second:
            assert second is None
        leases.fence(first)
    with leases.held("s") as third:
        assert third is not None
        assert third.epoch == first.epoch + 1
        with pytest.raises(LeaseLost):
            leases.fence(first)


def test_a_lease_that_is_renewed_does_not_run_out(thread: Thread) -> None:
    with leases.held("s"):
        Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert leases.renew() == 1
        assert Lease.objects.get(stream="s").expires_at > timezone.now()
    assert leases.renew() == 0


def test_an_illegal_move_is_refused(thread: Thread) -> None:
    run = ask(thread, "Hello")

    event = RunStarted(run=run.id, agent="demo", attempt=2, answer=uuid4())
    with pytest.raises(IllegalMove, match="from completed to running"):
        append(thread.stream, event)


def test_a_retried_run_that_was_left_behind_keeps_its_tools(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    ask(scripted_thread, script(tokens=1, fail="500"))
    run = Run.objects.get(id=gateway.retry(scripted_thread, actor="user:1"))
    call = ToolCall(id="done", name="calculator", arguments="{}")
    for event in (
        RunStarted(run=run.id, agent=run.agent, attempt=1, answer=run.answer_id),
        LLMResponded(run=run.id, attempt=1, model="m", content="", calls=(call,)),
        ToolReturned(run=run.id, call="done", name="calculator", result="kept"),
    ):
        append(scripted_thread.stream, event, correlation_id=run.id)

    work(scripted_thread)

    sent = scripted[1].requests[-1]["messages"]
    assert [m["content"] for m in sent if m["role"] == "tool"] == ["kept"]


def test_what_nobody_sees_to_is_sent_once_in_a_while(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(thread, "Hello")
    monkeypatch.setattr(tasks, "ON_ITS_WAY", timedelta(0))
    sent: list[str] = []
    monkeypatch.setattr(tasks.run_turn, "delay", lambda *, thread_id: sent.append(thread_id))
    live.connection().delete(f"parley:resumed:{thread.id}")

    for _ in range(3):
        tasks.resume_runs()

    assert sent == [str(thread.id)]
