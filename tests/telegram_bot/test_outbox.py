"""What is written down for Telegram: what each event brings, where to, and what pressing does."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from agents.events import FileSent, NoticeTold, ToolApprovalRequested
from agents.models import Agent
from chat import attachments, delivery, gateway
from chat.events import Problem, RunFailed, RunStarted, RunWaiting
from chat.models import Run, Thread, User
from telegram_bot import outbox
from telegram_bot.models import Button, Chat, Post, Shown
from tests.chat.talk import ask, kinds, say, work
from tests.telegram_bot.person import Person
from tracer.events import Event
from tracer.log import append

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def happen(run: Run, *events: Event) -> None:
    """Have something happen to a run."""
    append(run.thread.stream, *events, correlation_id=run.id)


@pytest.fixture
def run(ada: Person) -> Run:
    """A run that answers what Ada has written, under way."""
    ada.write("Hello")
    found = Run.objects.get()
    started = RunStarted(run=found.id, agent="demo", attempt=1, answer=found.answer_id)
    happen(found, started)
    return found


def leave(run: Run, call: str = "c1") -> None:
    """Have a run wait for leave."""
    wants = ToolApprovalRequested(
        run=run.id, call=call, name="shell", arguments={"command": "rm <x>"}, digest="d"
    )
    until = timezone.now() + timedelta(hours=1)
    happen(run, wants, RunWaiting(run=run.id, agent="demo", calls=(call,), until=until))


def test_an_answer_is_written_down_with_its_event(ada: Person) -> None:
    ada.write("What is 6*7?")
    work(ada.thread)

    post = Post.objects.get()
    assert (post.kind, post.state) == ("answer", "waiting")
    assert "42" in ada.read()[0]


def test_nothing_is_written_without_a_bot(ada: Person, settings: Settings) -> None:
    ada.write("Hello")
    settings.TELEGRAM_BOT_TOKEN = ""
    work(ada.thread)

    assert not Post.objects.exists()


def test_what_is_said_elsewhere_is_shown_where_the_thread_goes_on(ada: Person) -> None:
    ada.write("Hello")
    group = Person(chat=-5)
    group.write("@parley_bot hi")
    Chat.objects.update(thread=ada.thread.id)
    ask(ada.thread, "from the <page>")

    for person in (ada, group):
        assert "You, on the page:\nfrom the <page>" in person.read()


def test_an_answer_goes_where_it_was_asked_for_under_its_threads_name(ada: Person) -> None:
    ada.write("Hello")
    first = ada.thread
    gateway.rename(first, title="The <first>", actor="user:1")
    ada.write("/new")
    ada.read()
    work(first)

    (told,) = ada.read()
    assert told.startswith("The <first>\n\n")


def test_a_failure_is_told_with_a_button(ada: Person, run: Run) -> None:
    problem = Problem(code="x", detail="It *broke* <down>.", retryable=True)
    happen(run, RunFailed(run=run.id, agent="demo", error=problem))
    assert ada.read() == ["⚠️ It broke <down>."]
    outcome = ada.press("Try again")

    assert outcome.toast == "Trying again …"
    assert Run.objects.get(id=outcome.runs[0]).message_id == run.message_id
    assert ada.press("Try again").toast == "That is done already."


def test_leave_is_asked_for_and_given_once(ada: Person, run: Run) -> None:
    leave(run)
    (asked,) = ada.read()
    assert asked == '🔐 May shell be called?\n{\n "command": "rm <x>"\n}'
    assert ada.press("Allow").toast == "Allowed."
    assert ada.press("Deny").toast == "That is done already."

    assert kinds(run.thread)[-2:] == ["tool.approved", "run.resumed"]
    assert ada.read()[-1].endswith("Allowed.")


def test_always_is_remembered_for_the_thread(ada: Person, run: Run) -> None:
    leave(run)
    ada.press("Always")

    assert ada.thread.allowed == ["shell"]
    assert ada.read()[-1].endswith("Allowed, always in this thread.")


def test_what_is_decided_elsewhere_is_shown_and_can_not_be_pressed(ada: Person, run: Run) -> None:
    leave(run)
    gateway.decide(run.thread, call="c1", allow=False, actor="user:1")

    assert ada.read()[-1].endswith("Not allowed.")
    assert "has been decided" in ada.press("Allow").toast
    assert "tool.approved" not in kinds(run.thread)


def test_somebody_else_can_not_press(ada: Person, run: Run, stranger: User) -> None:
    leave(run)
    ada.press("Allow", number=99)
    other = Person(chat=-5)
    token = Button.objects.first()
    assert token is not None
    query = {"id": "1", "from": {"id": 7, "is_bot": False}, "data": token.token.hex}
    other.write("@parley_bot hello")
    other.happen(callback_query={**query, "message": other.message()})
    ada.happen(callback_query={**query, "data": "nonsense", "message": ada.message()})

    assert "tool.approved" not in kinds(run.thread)


def test_notices_and_files_come_as_they_happen(ada: Person, run: Run, owner: User) -> None:
    kept = attachments.give(owner, run.thread_id, name="a.txt", content=b"x")
    happen(run, NoticeTold(run=run.id, content="**Half** done"), FileSent(run=run.id, file=kept))

    assert ada.read() == ["Half done", "[file]"]


def test_an_edited_answer_is_changed_where_it_stands(ada: Person) -> None:
    ada.write("Hello")
    work(ada.thread)
    answer = ada.thread.messages.get(role="assistant")
    Shown.objects.create(
        chat=ada.row, telegram_id=9, key=outbox.answer_key(answer.id), message=answer.id
    )
    ada.read()
    gateway.edit(answer, content="reads differently", actor="user:1")
    gateway.edit(ada.thread.messages.get(role="user"), content="Hello!", actor="user:1")

    assert ada.read() == ["reads differently"]
    assert Post.objects.order_by("-id")[0].data["edits"]


def test_a_deleted_thread_leaves_nothing(ada: Person) -> None:
    ada.write("A secret")
    work(ada.thread)
    ada.write("/threads")
    gateway.delete(ada.thread, actor="user:1")

    assert not Post.objects.exists()
    assert not Shown.objects.exists()
    assert ada.row.thread is None


def test_a_fault_of_a_channel_does_not_undo_what_happened(
    thread: Thread, demo: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        Post.objects.get(pk=-1)

    monkeypatch.setattr(delivery, "_channels", [fail])
    run = ask(thread, "Hello")

    assert run.state == Run.State.COMPLETED


def test_chats_of_who_is_switched_off_or_has_blocked_get_nothing(ada: Person) -> None:
    ada.write("Hello")
    Chat.objects.update(refused="blocked")
    say(ada.thread, "More")
    work(ada.thread)

    assert ada.read() == []
