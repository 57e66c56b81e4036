"""Limits of what is on its way, and a database that is away: refused whole, with a way out."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, transaction
from django.test import Client
from pytest_django import Settings

from agents.models import Agent
from chat import context, control, credentials, gateway, steps, turn
from chat.errors import QueueFull, Unavailable
from chat.gateway import messages
from chat.models import Message, Run, Thread, User
from tests.chat.talk import ask, kinds, say, work
from tests.support.installation import wait_until
from tests.support.stand_in import StandIn, script, tokens
from tracer import live, log

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


@pytest.mark.parametrize(
    ("setting", "whose"),
    [
        ("QUEUE_PER_THREAD", "in this thread"),
        ("QUEUE_PER_OWNER", "for you"),
        ("QUEUE_TOTAL", "for everybody"),
    ],
)
def test_a_full_queue_refuses_the_whole_message(
    thread: Thread, settings: Settings, setting: str, whose: str
) -> None:
    setattr(settings, setting, 2)
    say(thread, "one")
    say(thread, "two")
    before = kinds(thread)

    with pytest.raises(QueueFull, match=whose) as refused:
        say(thread, "three")

    assert refused.value.retry_after_seconds
    assert kinds(thread) == before
    work(thread)
    say(thread, "three")


def test_limits_are_each_ones_own(thread: Thread, stranger: User, settings: Settings) -> None:
    settings.QUEUE_PER_OWNER = settings.QUEUE_PER_THREAD = 1
    say(thread, "one")

    theirs = gateway.start(owner=stranger, agent="demo", actor="user:2")
    say(theirs, "also one")

    assert Run.objects.count() == 2


def test_a_retry_counts_as_well(thread: Thread, settings: Settings) -> None:
    ask(thread, "one")
    settings.QUEUE_PER_OWNER = 1
    say(gateway.start(owner=thread.owner, actor="user:1"), "elsewhere")

    with pytest.raises(QueueFull):
        gateway.retry(thread, actor="user:1")


def test_rest_says_when_to_come_back(thread: Thread, owner: User, settings: Settings) -> None:
    settings.QUEUE_PER_THREAD = 1
    say(thread, "one")
    key = credentials.create_api_key(name="test", user=owner)

    refused = Client().post(
        f"/api/v1/threads/{thread.id}/messages",
        {"content": "two"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )

    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert refused.json()["code"] == "queue_full"


# A database that is away ------------------------------------------------------------------------


def away(times: int, real: Callable[..., object]) -> Callable[..., object]:
    """Stand for a function that finds no database so many times."""
    left = [times]

    def call(*arguments: object, **options: object) -> object:
        if left[0]:
            left[0] -= 1
            msg = "could not connect to server"
            raise OperationalError(msg)
        return real(*arguments, **options)

    return call


@pytest.mark.usefixtures("_committed")
@pytest.mark.django_db(transaction=True)
def test_a_message_waits_for_the_database(thread: Thread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "append", away(2, log.append))

    say(thread, "Hello")

    assert Message.objects.count() == Run.objects.count() == 1


@pytest.mark.usefixtures("_committed")
@pytest.mark.django_db(transaction=True)
def test_a_message_is_refused_when_the_database_stays_away(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "append", away(1_000, log.append))

    with pytest.raises(Unavailable):
        say(thread, "Hello")

    assert Message.objects.count() == 0


@pytest.mark.usefixtures("_committed")
@pytest.mark.django_db(transaction=True)
def test_a_running_answer_outlasts_the_database(
    scripted_thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(scripted_thread, script(tokens=20))
    monkeypatch.setattr(turn, "append", away(3, log.append))

    work(scripted_thread)

    run = Run.objects.get()
    assert (run.state, run.attempt) == ("completed", 1)
    assert Message.objects.get(id=run.answer_id).content == "".join(tokens(20))


@pytest.mark.usefixtures("_committed")
@pytest.mark.django_db(transaction=True)
def test_a_commit_whose_confirmation_was_lost_is_not_done_twice(
    scripted_thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(scripted_thread, script(text="Once."))
    real, lost = transaction.atomic, list[str]()

    class Forgetful:
        """Commits, and then says that the connection is gone."""

        def __enter__(self) -> None:
            self.block = real()
            self.block.__enter__()

        def __exit__(self, *error: Any) -> None:
            self.block.__exit__(*error)
            if error[0] is None and len(lost) < 2:
                lost.append("confirmation")
                msg = "server closed the connection unexpectedly"
                raise OperationalError(msg)

    monkeypatch.setattr(turn, "transaction", type("", (), {"atomic": Forgetful}))

    work(scripted_thread)

    assert len(lost) == 2
    assert kinds(scripted_thread).count("message.added") == 2
    assert kinds(scripted_thread).count("run.started") == 1
    assert Run.objects.get().state == "completed"


# Shutting down ----------------------------------------------------------------------------------


def test_a_run_is_handed_over_and_goes_on_elsewhere(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    receipt = say(scripted_thread, script(tokens=60, per_second=60))

    def shut_down() -> None:
        key = live.snapshot_key(str(receipt.run), 1)
        wait_until(lambda: live.connection().strlen(key) > 50, seconds=10, what="the first text")
        control.hand_over()

    shutting = threading.Thread(target=shut_down)
    shutting.start()
    work(scripted_thread)  # the same task goes on: this process has not left
    shutting.join()

    run = Run.objects.get()
    assert (run.state, run.attempt, run.crashes) == ("completed", 2, 0)
    assert "run.handed_over" in kinds(scripted_thread)
    assert Message.objects.get(id=run.answer_id).content == "".join(tokens(60))
    assert steps.CRASH_NOTE not in str(scripted[1].requests[-1])


def test_a_worker_that_leaves_takes_nothing_more(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(thread, "Hello")
    monkeypatch.setattr(control, "_leaving", threading.Event())
    control.leave()

    work(thread)

    assert Run.objects.get().state == "queued"


# A model's window (see also test_compaction) ----------------------------------------------------


@pytest.mark.parametrize(
    ("model", "num_ctx", "tokens"),
    [
        ("openai/stand-in", None, 50_000),
        ("openai/stand-in", 8_000, 8_000),
        ("openai/gpt-4", None, 8_192 - 8_192 // 4),
        ("openai/gpt-4o", None, 50_000),
    ],
)
def test_the_window_is_the_smallest_that_is_known(
    settings: Settings, model: str, num_ctx: int | None, tokens: int
) -> None:
    settings.CONTEXT_TOKENS = 50_000

    assert context.window(Agent(model=model, num_ctx=num_ctx)) == tokens


def test_the_newest_message_is_shown_whatever_its_size(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn], settings: Settings
) -> None:
    settings.CONTEXT_TOKENS = 1_000
    ask(scripted_thread, "before")

    ask(scripted_thread, "x" * 20_000)

    assert scripted[1].requests[-1]["messages"][-1]["content"] == "x" * 20_000
