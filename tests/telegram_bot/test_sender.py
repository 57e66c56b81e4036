"""Sending: in order, each part once, whatever Telegram says."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from typing_extensions import override

from agents import loop
from chat.models import Thread
from telegram_bot import jottings, outbox, posts
from telegram_bot.api import Api
from telegram_bot.models import Account, Chat, Post, Shown
from telegram_bot.pace import Pace
from telegram_bot.sender import Sender
from tests.chat.talk import kinds, work
from tests.support import bot_api
from tests.support.bot_api import BotApi, Failure, flood
from tests.telegram_bot.person import Person

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("_committed", "_emptied_redis"),
]


class Quick(Pace):
    """A pace that waits for nothing but a pause."""

    @override
    def wait(self, chat: int, *, group: bool) -> float:
        return 0.0


@pytest.fixture
def api(settings: Settings) -> Iterator[BotApi]:
    """A Bot API server, and the settings that lead to it."""
    with bot_api.serving() as (address, served):
        settings.TELEGRAM_API_URL = address
        yield served


@pytest.fixture
def chat(account: Account) -> Chat:
    """The owner's private chat."""
    return Chat.objects.create(chat_id=7, kind="private", account=account)


def send(chat: Chat, *, pace: Pace | None = None) -> None:
    """Send what waits for a chat, as the bot does."""

    async def go() -> None:
        client = Api(bot_api.TOKEN)

        async def nothing_grows(*_: Any) -> None:
            await asyncio.sleep(0)

        try:
            await Sender(client, pace or Quick(), before=nothing_grows).send_all(chat.pk)
        finally:
            await client.close()

    loop.wait(go())


def reply(chat: Chat, html: str, key: str, **data: Any) -> Post:
    """Write something to be said."""
    outbox.write([chat], kind=Post.Kind.REPLY, key=key, html=html, **data)
    return Post.objects.get(chat=chat, key=key)


def test_posts_are_sent_in_order_and_once(api: BotApi, chat: Chat) -> None:
    for number in range(5):
        reply(chat, f"<b>{number}</b>", f"r{number}")
        reply(chat, "twice", f"r{number}")
    send(chat)
    send(chat)

    assert api.texts() == ["0", "1", "2", "3", "4"]
    assert not Post.objects.exclude(state="sent").exists()


def test_an_answer_that_was_sent_in_part_is_sent_from_there_on(api: BotApi, ada: Person) -> None:
    ada.write("Hello")
    work(ada.thread)
    answer = ada.thread.messages.get(role="assistant")
    text = "\n\n".join(f"part {number} " + "word " * 700 for number in range(3))
    type(answer).objects.filter(id=answer.id).update(content=text)
    first = {"key": outbox.answer_key(answer.id), "part": 0, "telegram_id": 500}
    Shown.objects.create(chat=ada.row, message=answer.id, thread=ada.thread.id, **first)
    send(ada.row)

    assert [each[:6] for each in api.texts()] == ["part 1", "part 2"]
    assert kinds(ada.thread)[-1] == "message.delivered"
    shown = Shown.objects.filter(message=answer.id, persons=False).order_by("part")
    assert [each.part for each in shown] == [0, 1, 2]


def test_a_growing_message_becomes_the_answer(api: BotApi, ada: Person) -> None:
    ada.write("What is 6*7?")
    work(ada.thread)
    answer = ada.thread.messages.get(role="assistant")
    api.shown[7][500] = {"text": "so far", "plain": "so far", "reply_markup": None}
    Shown.objects.create(
        chat=ada.row, telegram_id=500, key=outbox.answer_key(answer.id), whole=False
    )
    send(ada.row)
    send(ada.row)

    assert list(api.shown[7]) == [500]
    assert "42" in api.texts()[0]


def test_a_growing_message_that_somebody_deleted_is_sent_anew(api: BotApi, ada: Person) -> None:
    ada.write("What is 6*7?")
    work(ada.thread)
    answer = ada.thread.messages.get(role="assistant")
    Shown.objects.create(
        chat=ada.row, telegram_id=500, key=outbox.answer_key(answer.id), whole=False
    )
    send(ada.row)

    assert "42" in api.texts()[0]


def test_an_edit_takes_parts_away_and_does_nothing_twice(api: BotApi, ada: Person) -> None:
    ada.write("Hello")
    work(ada.thread)
    answer = ada.thread.messages.get(role="assistant")
    answers = type(answer).objects.filter(id=answer.id)
    answers.update(content="\n\n".join("word " * 700 for _ in range(3)))
    send(ada.row)
    assert len(api.texts()) == 3
    answers.update(content="short")
    for number in range(2):
        outbox.write(
            [ada.row],
            kind=Post.Kind.ANSWER,
            key=f"edited:{number}",
            message=str(answer.id),
            edits=True,
        )
    send(ada.row)

    assert api.texts() == ["short"]
    assert kinds(ada.thread).count("message.delivered") == 1


def test_a_flood_makes_the_chat_wait_and_keeps_the_order(api: BotApi, chat: Chat) -> None:
    api.fail["sendMessage"].append(flood(30))
    first, second = reply(chat, "one", "1"), reply(chat, "two", "2")
    pace = Quick()
    send(chat, pace=pace)
    assert api.texts() == []
    first.refresh_from_db()
    assert first.next_at > timezone.now() + timedelta(seconds=25)
    assert posts.chats_waiting() == [chat.pk]  # the second one's time has come, but not its turn
    send(chat)
    assert api.texts() == []
    Post.objects.update(next_at=timezone.now())
    send(chat)

    assert api.texts() == ["one", "two"]
    assert not pace.spare(7, group=False)
    assert second.pk > first.pk


def test_telegram_away_is_tried_later_and_given_up_after_a_day(api: BotApi, chat: Chat) -> None:
    api.fail["sendMessage"] += [Failure(502, "Bad Gateway")] * 2
    post = reply(chat, "one", "1")
    send(chat)
    post.refresh_from_db()
    assert (post.state, post.attempts) == ("waiting", 1)
    old = timezone.now() - timedelta(days=2)
    Post.objects.update(next_at=old, created_at=old)
    send(chat)

    post.refresh_from_db()
    assert (post.state, post.problem) == ("failed", "Bad Gateway")


@pytest.mark.parametrize(
    "failure",
    [
        Failure(403, "Forbidden: bot was blocked by the user"),
        Failure(400, "Bad Request: chat not found"),
        Failure(400, "Bad Request: not enough rights to send text messages to the chat"),
    ],
)
def test_who_can_not_be_written_to_is_noted(api: BotApi, chat: Chat, failure: Failure) -> None:
    api.fail["sendMessage"].append(failure)
    reply(chat, "one", "1")
    reply(chat, "two", "2")
    send(chat)

    chat.refresh_from_db()
    assert chat.refused
    assert set(Post.objects.values_list("state", flat=True)) == {"failed"}
    assert len(api.asked("sendMessage")) == 1


def test_what_telegram_does_not_take_fails_alone(api: BotApi, chat: Chat) -> None:
    api.fail["sendMessage"].append(Failure(400, "Bad Request: BUTTON_DATA_INVALID"))
    reply(chat, "one", "1")
    reply(chat, "two", "2")
    send(chat)

    assert api.texts() == ["two"]
    assert Post.objects.get(key="1").problem == "button_data_invalid"


def test_tags_that_are_refused_are_left_out(api: BotApi, chat: Chat) -> None:
    api.fail["sendMessage"].append(Failure(400, "Bad Request: can't parse entities: x"))
    reply(chat, "<b>a &amp; b</b>", "1")
    send(chat)

    assert api.texts() == ["a & b"]


def test_a_topic_that_is_gone_is_stood_in_for_by_the_chat(api: BotApi, account: Account) -> None:
    person = Person(chat=-5)
    where = {"id": -5, "type": "supergroup", "title": "G", "is_forum": True}
    person.write("Hello", chat=where, message_thread_id=3, is_topic_message=True)
    work(Thread.objects.get())
    api.fail["sendMessage"].append(Failure(400, "Bad Request: message thread not found"))
    send(Chat.objects.get(topic=3))

    (told,) = api.texts(-5)
    assert told.startswith("New thread\n\n") or "\n\n" in told
    assert api.asked("sendMessage")[1].get("message_thread_id") is None


def test_a_fork_opens_a_topic_or_goes_on_where_it_is(api: BotApi, chat: Chat) -> None:
    outbox.write([chat], kind=Post.Kind.TOPIC, key="1", title="The fork")
    send(chat)
    opened = Chat.objects.exclude(topic=0).get()
    send(opened)
    api.fail["createForumTopic"].append(Failure(400, "Bad Request: not a forum"))
    outbox.write([chat], kind=Post.Kind.TOPIC, key="2", title="The fork")
    send(chat)

    assert api.texts() == ["The fork goes on here."] * 2
    assert Chat.objects.count() == 2


def test_a_chat_that_moves_is_followed(api: BotApi, account: Account) -> None:
    chat = Chat.objects.create(chat_id=-5, kind="group", account=account)
    moved = Failure(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1005)
    api.fail["sendMessage"].append(moved)
    reply(chat, "one", "1")
    send(chat)

    assert api.texts(-1005) == ["one"]


def test_buttons_stand_below_the_last_part(api: BotApi, chat: Chat) -> None:
    key = outbox.button(chat, "Press", {"do": "x"})
    outbox.write([chat], kind=Post.Kind.REPLY, key="1", markdown="word " * 1_500, buttons=[[key]])
    send(chat)

    first, second = api.shown[7].values()
    assert first["reply_markup"] is None
    assert second["reply_markup"]["inline_keyboard"][0][0]["text"] == "Press"


def test_a_fault_of_ours_does_not_stop_those_behind_it(api: BotApi, chat: Chat) -> None:
    Post.objects.create(chat=chat, key="1", kind=Post.Kind.ANSWER, data={})  # nobody writes these
    reply(chat, "two", "2")
    for _ in range(3):
        Post.objects.update(next_at=timezone.now())
        send(chat)

    assert api.texts() == ["two"]
    assert Post.objects.get(key="1").problem == "KeyError"


def test_a_post_of_what_is_gone_is_done_with(api: BotApi, chat: Chat) -> None:
    gone = "5f0c4dc7-6ac5-4f0c-9d0e-1c8f6d0e0a11"
    for kind in (Post.Kind.ANSWER, Post.Kind.SAID):
        outbox.write([chat], kind=kind, key=kind, message=gone)
    outbox.write([chat], kind=Post.Kind.FILE, key="f", file=gone)
    outbox.write([chat], kind=Post.Kind.SETTLED, key="s", of="ask:none", line="x")
    send(chat)

    assert api.texts() == []
    assert set(Post.objects.values_list("state", flat=True)) == {"sent"}


def test_what_was_only_jotted_down_is_not_sent_again(api: BotApi, chat: Chat) -> None:
    post = reply(chat, "one", "1")
    loop.wait(jottings.jot(chat, post.key, 0, telegram_id=77))
    send(chat)
    assert api.texts() == []
    assert Shown.objects.get(key="1").telegram_id == 77
    assert loop.wait(jottings.jotted(chat, post.key, 0)) is None
    reply(chat, "two", "2")
    send(chat)

    assert api.texts() == ["two"]
