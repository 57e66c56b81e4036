"""The commands: each of them, with what can go wrong."""

import pytest

from agents.models import Agent
from chat import gateway
from chat.models import Run, Thread, User
from telegram_bot.handlers.commands import COMMANDS
from telegram_bot.models import Account, Post
from tests.chat.talk import kinds, work
from tests.telegram_bot.person import Person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("_tables_equal_their_fold", "_emptied_redis"),
]


def test_every_command_is_told_of_in_the_menu_and_in_help(ada: Person) -> None:
    ada.write("/help")

    (told,) = ada.read()
    for name, each in COMMANDS.items():
        assert f"/{name}" in told
        assert each.told in told
    wanted = "start help new threads thread agent agents fork stop retry status"
    assert set(wanted.split()) <= set(COMMANDS)


def test_start_says_hello(ada: Person) -> None:
    ada.write("/start")

    assert "Demo answers" in ada.read()[0]


def test_what_is_written_begins_a_thread(ada: Person) -> None:
    outcome = ada.write("Hello")

    assert kinds(ada.thread) == ["thread.started", "message.added", "run.queued"]
    assert [Run.objects.get().id] == outcome.runs
    message = ada.thread.messages.get()
    assert (message.channel, message.sender) == ("telegram", f"user:{ada.thread.owner_id}")
    assert ada.read() == []


def test_new_begins_a_thread_with_or_without_a_message(ada: Person) -> None:
    ada.write("Hello")
    first = ada.thread
    ada.write("/new")
    second = ada.thread
    ada.write("/new What now?")

    assert len({first.id, second.id, ada.thread.id}) == 3
    assert ada.thread.messages.get().content == "What now?"
    assert [text.partition(".")[0] for text in ada.read()] == ["A new thread with Demo"]


def test_threads_are_listed_page_by_page_with_buttons(ada: Person, owner: User) -> None:
    for number in range(11):
        gateway.start(owner=owner, title=f"<T{number}>", actor="user:1")
    ada.write("/threads")

    (told,) = ada.read()
    assert "1. <T10> · Demo" in told
    assert "9." not in told
    ada.press("Older")
    assert "9. <T2> · Demo" in ada.read()[0]
    ada.press("9")
    assert "<T2> goes on here, with Demo." in ada.read()[0]
    assert ada.thread.title == "<T2>"
    ada.write("/threads")
    assert "● 9. <T2>" not in ada.read()[0]
    ada.press("Older")
    assert "● 9. <T2>" in ada.read()[0]


def test_thread_goes_to_a_number(ada: Person) -> None:
    ada.write("/thread")
    ada.write("Hello")
    ada.write("/new")
    ada.read()
    ada.write("/thread 2")
    ada.write("/thread")

    told = ada.read()
    assert "Hello" in told[0]
    assert told[0] == told[1]


@pytest.mark.parametrize("given", ["3", "0", "-1", "x", "9" * 30, "1; DROP"])
def test_thread_says_what_it_does_not_know(ada: Person, given: str) -> None:
    ada.write("Hello")
    ada.write(f"/thread {given}")

    assert "There is no thread" in ada.read()[0]


def test_nothing_is_there_yet(ada: Person) -> None:
    for command in ("threads", "thread", "stop", "retry", "fork", "status", "agents"):
        ada.write(f"/{command}")

    told = ada.read()
    assert told[0] == "There is no thread yet. Write something, and there is one."
    assert told[1].startswith("No thread goes on here.")
    assert all(told)
    assert "There is nothing to fork yet" in told[4]
    assert "Demo would answer" in told[5]


def test_the_agent_is_changed_here_and_for_the_threads_to_come(ada: Person) -> None:
    Agent.objects.create(slug="other", name="The <other>", model="demo/assistant")
    ada.write("Hello")
    ada.write("/agents")
    ada.press("The <other>")
    assert "The <other> answers here from now on." in ada.read()[-1]
    assert ada.thread.agent == "other"
    ada.write("/new")
    assert ada.thread.agent == "other"
    ada.write("/agent demo")
    assert ada.thread.agent == "demo"
    ada.read()
    ada.write("/agent nobody")
    assert "nobody" in ada.read()[0]
    ada.write("/agent")
    assert "● Demo" in ada.read()[0]


def test_an_agent_that_is_gone_is_told(ada: Person) -> None:
    ada.write("/agent demo")
    Agent.objects.update(active=False)
    ada.read()
    ada.write("Hello")

    assert "demo" in ada.read()[0]
    assert not Thread.objects.exists()


def test_fork_goes_on_in_a_new_thread(ada: Person) -> None:
    ada.write("Hello")
    work(ada.thread)
    before = ada.thread
    ada.read()
    ada.write("/fork")

    assert "This is a fork of" in ada.read()[0]
    assert ada.thread.origin_id == before.id


def test_stop_retry_and_status(ada: Person) -> None:
    ada.write("Hello")
    ada.write("More")
    ada.write("/status")
    assert "waits for a worker, 1 more queued" in ada.read()[0]
    ada.write("/stop")
    assert ada.read() == ["Stopped.", "Stopped."]
    outcome = ada.write("/retry")
    assert len(outcome.runs) == 1
    ada.write("/retry")
    assert len(ada.read()) == 1
    work(ada.thread)
    ada.write("/status")
    assert "Nothing is under way." in ada.read()[-1]


def test_unlink_ends_it(ada: Person) -> None:
    ada.write("Hello")
    ada.write("/unlink")

    assert "not linked any more" in ada.read()[-1]
    assert not Account.objects.exists()
    assert ada.row.thread is None
    ada.write("Hello?")
    assert "I only talk with people who have linked their account." in ada.read()[-1]
    work(Thread.objects.get())
    assert not Post.objects.filter(kind="answer").exists()


def test_an_unknown_command_is_told_and_another_bots_is_not_ours(ada: Person) -> None:
    ada.write("/whatever")
    assert "I don't know this command" in ada.read()[0]
    ada.write("/help@another_bot")
    assert ada.read() == []
    ada.write("/STATUS@Parley_Bot")
    assert "Linked with" in ada.read()[0]


def test_a_skill_is_named_like_a_command(ada: Person) -> None:
    Agent.objects.update(skills=["code-review"])
    ada.write("/code-review this, please")

    assert ada.read() == []
    assert ada.thread.messages.get().content == "/code-review this, please"
