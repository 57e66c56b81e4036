"""What people write: to agents, in groups and topics, anew, twice, and what can't be taken."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from agents.events import QuestionAsked
from agents.models import Agent
from chat import attachments, gateway
from chat.events import RunStarted, RunWaiting
from chat.models import Message, Run, Thread, User
from telegram_bot import inbox
from telegram_bot.handlers.talk import Arrived
from telegram_bot.models import Account, Chat, Incoming, Post, Shown
from tests.chat.talk import kinds, work
from tests.telegram_bot.person import Person
from tracer.log import append

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def test_the_same_update_or_message_twice_is_one(ada: Person) -> None:
    message = ada.message("Hello")
    ada.come(5, message=message)
    ada.come(5, message=message)
    ada.come(6, message=message)

    assert Message.objects.count() == 1
    assert Incoming.objects.get(update_id=5).data is None


def test_an_edited_message_is_another_wording(ada: Person) -> None:
    message = ada.message("First")
    ada.happen(message=message)
    ada.happen(edited_message={**message, "text": "Second", "edit_date": 1})
    ada.happen(edited_message={**message, "text": "Third", "edit_date": 2})

    said = list(Message.objects.values_list("content", "parent_id"))
    assert said == [("First", None), ("Second", None), ("Third", None)]
    states = list(Run.objects.order_by("seq").values_list("state", flat=True))
    assert states == ["cancelled", "cancelled", "queued"]


@pytest.mark.parametrize("text", ["First", "   "])
def test_an_edit_that_says_nothing_new_is_none(ada: Person, text: str) -> None:
    message = ada.message("First")
    ada.happen(message=message)
    ada.happen(edited_message={**message, "text": text, "edit_date": 1})
    ada.happen(edited_message=ada.message("of a message that nobody knows", edit_date=1))

    assert Message.objects.count() == 1


def test_edits_of_messages_that_are_answered(ada: Person) -> None:
    message = ada.message("First")
    ada.happen(message=message)
    work(ada.thread)
    outcome = ada.happen(edited_message={**message, "text": "Second", "edit_date": 1})

    assert kinds(ada.thread).count("run.queued") == 2
    assert [Run.objects.get(state="queued").id] == outcome.runs


def test_a_reply_goes_on_in_the_thread_of_what_it_replies_to(ada: Person) -> None:
    first = ada.message("First")
    ada.happen(message=first)
    thread = ada.thread
    ada.write("/new")
    ada.write("in the new one")
    ada.write("in the old one", reply_to_message=first)

    assert [m.content for m in thread.messages.all()] == ["First", "in the old one"]
    assert ada.thread.id != thread.id


def test_a_group_is_heard_where_the_bot_is_meant(ada: Person) -> None:
    group = Person(chat=-5)
    group.write("Hello all")
    group.write("Hello @Parley_Bot, how are you?")
    bot = {"id": 1, "is_bot": True, "first_name": "P", "username": "parley_bot"}
    group.write("To you", reply_to_message={**group.message("x"), "from": bot})
    group.write("/status@parley_bot")

    said = list(group.thread.messages.values_list("content", flat=True))
    assert said == ["Hello , how are you?", "To you"]
    assert len(group.read()) == 1


def test_topics_are_threads(ada: Person) -> None:
    group = Person(chat=-5)
    where = {"id": -5, "type": "supergroup", "title": "G", "is_forum": True}
    for topic in (3, 4, 3):
        group.write(f"in {topic}", chat=where, message_thread_id=topic, is_topic_message=True)
    group.write("@parley_bot in general", chat=where, message_thread_id=99)

    assert Thread.objects.count() == 3
    topics = {chat.topic: chat.thread for chat in Chat.objects.filter(chat_id=-5)}
    assert set(topics) == {0, 3, 4}
    third = Thread.objects.get(id=topics[3] or uuid4())
    assert [m.content for m in third.messages.all()] == ["in 3", "in 3"]
    group.write("/fork", chat=where, message_thread_id=3, is_topic_message=True)
    assert Post.objects.get(kind="topic").thread == Thread.objects.get(origin_id=third.id).id


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"voice": {"file_id": "1"}}, "I can't listen to voice messages here."),
        ({"audio": {"file_id": "1"}}, "I can't listen to voice messages here."),
        ({"sticker": {"emoji": "🙂"}}, "I can't take stickers here."),
        ({"video": {"file_id": "1"}}, "I can't take videos here."),
        ({"location": {"latitude": 1}}, "I can't take places here."),
        ({"poll": {"id": "1"}}, "I can't take polls here."),
    ],
)
def test_what_can_not_be_taken_is_told(ada: Person, more: dict[str, Any], told: str) -> None:
    ada.write(**more)

    assert ada.read()[0].startswith(told)
    assert not Run.objects.exists()


def test_service_messages_bots_and_channels_are_nothing(ada: Person) -> None:
    ada.write(new_chat_title="x")
    bot = {"id": 7, "is_bot": True, "first_name": "B"}
    ada.happen(message={**ada.message("Hello"), "from": bot})
    ada.happen(message={**ada.message("Hello"), "chat": {"id": -9, "type": "channel"}})
    ada.happen(channel_post=ada.message("Hello"))
    ada.happen(poll={"id": "1"})

    assert not Run.objects.exists()
    assert ada.read() == []


def test_an_update_that_can_not_be_read_is_put_aside(ada: Person) -> None:
    ada.come(5, message={"message_id": "x", "chat": {"id": 7, "type": "private"}})
    ada.come(6, message=ada.message("Hello"))

    assert Incoming.objects.get(update_id=5).problem.startswith("not readable: message")
    assert inbox.chats() == []
    assert Run.objects.count() == 1


def test_a_fault_is_tried_again_and_then_told(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.write("/status")
    ada.read()

    def fail(*_: object, **__: object) -> None:
        msg = "a fault of ours"
        raise RuntimeError(msg)

    monkeypatch.setattr("telegram_bot.handlers.commands.selectors.active_owners", fail)
    for attempt in range(3):
        assert Incoming.objects.filter(update_id=5, handled_at=None).count() == bool(attempt)
        ada.come(5, message=ada.message("/status"))
    assert ada.read() == ["Something went wrong here; the log has the details. Please try again."]
    assert inbox.chats() == []


def test_a_question_is_answered_by_what_is_written(ada: Person) -> None:
    Agent.objects.update(tools=["ask_user"], model="demo/assistant")
    ada.write("Hello")
    waiting(ada.thread)
    (asked,) = ada.read()[-1:]
    assert "Which colour?" in asked
    ada.write("Blue")

    assert kinds(ada.thread)[-4:] == [
        "run.waiting",
        "question.answered",
        "tool.returned",
        "run.resumed",
    ]
    assert "Answered: Blue" in ada.read()[-1]


def waiting(thread: Thread) -> Run:
    """Have a thread's run wait for the answer to a question."""
    run = Run.objects.get(thread=thread)
    asked = QuestionAsked(run=run.id, question="c1", name="ask_user", content="Which colour?")
    until = timezone.now() + timedelta(hours=1)
    append(
        thread.stream,
        RunStarted(run=run.id, agent=run.agent, attempt=1, answer=run.answer_id),
        asked,
        RunWaiting(run=run.id, agent=run.agent, calls=("c1",), until=until),
        correlation_id=run.id,
    )
    return run


def test_files_come_with_the_message(ada: Person, owner: User) -> None:
    kept = attachments.keep(owner, name="a.txt", content=b"text")
    ada.write("", files=Arrived(files=[kept.id]), caption="Look")
    ada.write("", files=Arrived(problems=["b.iso: too large"]), caption="And this")

    first, second = Message.objects.order_by("seq")
    assert [each.name for each in first.attached] == ["a.txt"]
    assert (second.content, second.attached) == ("And this", ())
    assert ada.read() == ["b.iso: too large"]


def test_who_blocks_the_bot_is_noted_until_they_write(ada: Person) -> None:
    ada.write("Hello")
    who = {"id": 7, "is_bot": False, "first_name": "A"}
    member = {"chat": {"id": 7, "type": "private"}, "from": who, "date": 1}
    bot = {"id": 1, "is_bot": True, "first_name": "P"}
    ada.happen(my_chat_member={**member, "new_chat_member": {"status": "kicked", "user": bot}})
    work(ada.thread)
    assert not Post.objects.filter(state="waiting").exists()
    ada.write("Hello again")

    assert ada.row.refused == ""


def test_a_group_that_moves_is_known_by_its_new_id(ada: Person) -> None:
    group = Person(chat=-5)
    group.write("@parley_bot Hello")
    thread = group.thread
    Chat.objects.create(chat_id=-1005, kind="supergroup", topic=8)
    group.happen(message={**group.message(), "migrate_to_chat_id": -1005})

    moved = Chat.objects.get(chat_id=-1005, topic=0)
    assert moved.thread == thread.id


def test_a_full_queue_is_told_and_nothing_is_kept(ada: Person, settings: Settings) -> None:
    settings.QUEUE_PER_THREAD = 1
    ada.write("One")
    ada.write("Two")

    assert "in this thread" in ada.read()[0]
    assert Message.objects.count() == 1
    assert Shown.objects.count() == 1


def test_somebody_elses_thread_is_not_gone_on_in(ada: Person, stranger: User) -> None:
    ada.write("Hello")
    theirs = gateway.start(owner=stranger, actor="user:2")
    Chat.objects.update(thread=theirs.id)
    ada.write("Hello?")

    assert ada.thread.owner_id == Account.objects.get().user_id
    assert not theirs.messages.exists()
    Chat.objects.update(thread=uuid4())
    ada.write("Is this there?")
    assert ada.thread.messages.get().content == "Is this there?"
