"""The entrance: what is taken, what is refused, and that nothing is taken by half."""

from uuid import uuid4

import pytest
from pytest_django import Settings

from agents.errors import NoSuchAgent
from agents.models import Agent
from chat import gateway
from chat.errors import BadCharacters, EmptyMessage, MessageTooLong, NoSuchMessage
from chat.models import Message, Run, Thread, User
from tests.chat.talk import ask, kinds, say, work
from tracer.log import read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def test_a_message_is_stored_and_its_run_queued(thread: Thread) -> None:
    receipt = say(thread, "Hello")

    assert kinds(thread) == ["thread.started", "message.added", "run.queued"]
    message, run = Message.objects.get(), Run.objects.get()
    assert (message.id, run.id) == (receipt.message, receipt.run)
    assert (message.content, message.channel, message.sender) == ("Hello", "web", "user:1")
    assert (message.agent, run.agent, run.state) == ("demo", "demo", "queued")
    assert {entry.correlation_id for entry in read(thread.stream, 1)} == {receipt.run}


def test_the_same_client_id_twice_is_one_message(thread: Thread) -> None:
    client_id = uuid4()

    first = say(thread, "Hello", client_id=client_id)
    second = say(thread, "Hello", client_id=client_id)

    assert first == second
    assert thread.messages.count() == 1
    assert say(thread, "Hello", client_id=uuid4()) != first


def test_a_message_over_the_limit_leaves_no_trace(thread: Thread, settings: Settings) -> None:
    settings.MESSAGE_MAX_BYTES = 5

    with pytest.raises(MessageTooLong, match="6 bytes; the limit is 5"):
        say(thread, "grüß")  # four characters, two of them with two bytes
    say(thread, "grün")

    assert kinds(thread) == ["thread.started", "message.added", "run.queued"]


@pytest.mark.parametrize("content", ["", "   \n"])
def test_an_empty_message_leaves_no_trace(thread: Thread, content: str) -> None:
    with pytest.raises(EmptyMessage):
        say(thread, content)

    assert kinds(thread) == ["thread.started"]


@pytest.mark.parametrize("content", ["a\x00b", "half \ud83d"])
def test_a_broken_text_leaves_no_trace(thread: Thread, content: str) -> None:
    with pytest.raises(BadCharacters):
        say(thread, content)
    with pytest.raises(BadCharacters):
        gateway.rename(thread, title=content, actor="user:1")

    assert kinds(thread) == ["thread.started"]


def test_a_message_asks_the_agent_it_names(thread: Thread) -> None:
    Agent.objects.create(slug="other", name="Other", model="demo/x")

    ask(thread, "Hello", agent="other")

    assert [message.agent for message in Message.objects.order_by("seq")] == ["other", "other"]
    thread.refresh_from_db()
    assert thread.agent == "demo"


def test_an_agent_that_is_not_there_is_refused(thread: Thread) -> None:
    with pytest.raises(NoSuchAgent):
        say(thread, "Hello", agent="nobody")

    assert kinds(thread) == ["thread.started"]


def test_messages_follow_each_other(thread: Thread) -> None:
    ask(thread, "one")
    ask(thread, "two")

    messages = list(Message.objects.order_by("seq"))
    parents = [message.parent_id for message in messages]
    assert parents == [None, *(message.id for message in messages[:-1])]
    thread.refresh_from_db()
    assert thread.head == messages[-1].id


def test_a_message_sent_meanwhile_follows_the_answer_to_come(thread: Thread) -> None:
    first = say(thread, "one")
    second = say(thread, "two")
    work(thread)

    answer = Message.objects.get(run_id=first.run, role="assistant")
    follower = Message.objects.get(id=second.message)
    assert follower.parent_id == answer.id
    thread.refresh_from_db()
    assert thread.head == Message.objects.get(run_id=second.run, role="assistant").id


def test_a_message_can_follow_an_earlier_one(thread: Thread) -> None:
    first = ask(thread, "one")
    ask(thread, "two")

    branch = say(thread, "another two", place=gateway.Place(parent=first.answer_id))

    assert Message.objects.get(id=branch.message).parent_id == first.answer_id
    thread.refresh_from_db()
    assert thread.head == branch.message


def test_a_parent_of_another_thread_is_refused(thread: Thread, owner: User) -> None:
    elsewhere = gateway.start(owner=owner, actor="user:1")
    foreign = say(elsewhere, "Hello").message

    for parent in (foreign, uuid4()):
        with pytest.raises(NoSuchMessage):
            say(thread, "Hello", place=gateway.Place(parent=parent))


def test_a_message_brings_an_archived_thread_back(thread: Thread) -> None:
    gateway.archive(thread, actor="user:1")

    say(thread, "Hello")

    thread.refresh_from_db()
    assert thread.state == Thread.State.ACTIVE
    assert kinds(thread)[1:3] == ["thread.archived", "thread.restored"]


def test_an_edit_is_an_event_and_keeps_the_old_text(thread: Thread) -> None:
    message = Message.objects.get(id=say(thread, "Helo").message)

    gateway.edit(message, content="Hello", actor="user:1")
    gateway.edit(Message.objects.get(id=message.id), content="Hello", actor="user:1")

    message.refresh_from_db()
    assert message.content == "Hello"
    assert message.edited_at is not None
    assert kinds(thread).count("message.edited") == 1
    with pytest.raises(EmptyMessage):
        gateway.edit(message, content=" ", actor="user:1")
