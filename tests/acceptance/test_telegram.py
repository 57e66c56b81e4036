"""Telegram, end to end: a real bot process, and a Bot API server on this machine."""

import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.telegram import Phone, said, settings, threads
from tests.support import bot_api, stand_in
from tests.support.bot_api import BotApi, flood
from tests.support.installation import Installation, running, wait_until
from tests.support.stand_in import script, tokens

GROUP = -1001
KILLS = 3
SIX = (
    "from chat import credentials; from telegram_bot.models import Account; "
    "[Account.objects.create(telegram_id=n, user=credentials.owner()) for n in range(50, 56)]"
)

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def api() -> Iterator[tuple[str, BotApi]]:
    """The Bot API server of this module's Parley."""
    with bot_api.serving() as served:
        yield served


@pytest.fixture(scope="module")
def bot(
    api: tuple[str, BotApi],
    shared_server: tuple[str, stand_in.StandIn],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """A Parley with a bot."""
    given = settings(api[0], shared_server[0])
    with running(tmp_path_factory.mktemp("telegram"), **given) as installation:
        Phone(installation, api[1]).link()
        yield installation


@pytest.fixture(scope="module")
def client(bot: Installation) -> Iterator[httpx.Client]:
    """A REST client of the owner's."""
    with bot.client() as made:
        yield made


@pytest.fixture
def phone(bot: Installation, api: tuple[str, BotApi]) -> Iterator[Phone]:
    """The owner's phone, in a thread of its own."""
    server = api[1]
    server.has_drafts = True
    made = Phone(bot, server)
    server.shown[7].clear()
    made.say("/new")
    made.sees("A new thread")
    server.shown[7].clear()
    server.drafts.clear()
    yield made
    server.hold.clear()
    server.fail.clear()
    made.falls_quiet()  # or the next test would see the end of this one


def test_the_commands_are_offered_in_the_menu(phone: Phone) -> None:
    assert [each["command"] for each in phone.api.commands][:3] == ["start", "help", "new"]
    assert all(3 <= len(each["description"]) <= 256 for each in phone.api.commands)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("/start", "Hello owner"),
        ("/help", "/threads  your threads"),
        ("/new", "A new thread with"),
        ("/threads", "Your threads"),
        ("/thread 1", "goes on here, with"),
        ("/agents", "OpenAI (openai)"),
        ("/agent openai", "OpenAI answers here from now on."),
        ("/fork", "This is a fork of"),
        ("/stop", "Nothing is running here."),
        ("/retry", "There is nothing to try again yet"),
        ("/status", "Linked with owner."),
        ("/nonsense", "I don't know this command."),
    ],
)
def test_each_command_answers(phone: Phone, command: str, told: str) -> None:
    phone.say(command)
    phone.sees(told)


def test_an_answer_grows_as_a_draft_and_lands_whole(phone: Phone, client: httpx.Client) -> None:
    phone.say(script(tokens=200, per_second=40))
    phone.sees("199:")

    drafts = [each["plain"] for each in phone.api.drafts]
    assert len(drafts) >= 2
    assert all(earlier in later for earlier, later in itertools.pairwise(drafts))
    assert len({each["draft_id"] for each in phone.api.drafts}) == 1
    assert phone.api.drafts[0]["can_stop"] == "true"
    assert "typing" in {each["action"] for each in phone.api.asked("sendChatAction")}
    assert len(phone.texts) == 1
    thread = threads(client)[0]
    assert thread["id"]
    assert said(client, thread["id"])[-1] == ("assistant", "".join(tokens(200)))
    events = client.get(f"/threads/{thread['id']}/events").json()
    assert [each["kind"] for each in events].count("message.delivered") == 1


def test_a_long_answer_comes_in_messages_that_fit(phone: Phone) -> None:
    code = "\n".join(f"print({number})" for number in range(900))
    phone.say(script(text=f"Before.\n\n```python\n{code}\n```\n\nAfter."))
    phone.sees("After.")

    assert len(phone.messages) > 2
    assert all(each["text"].count("<pre>") <= 1 for each in phone.messages)
    whole = "\n".join(phone.texts)
    assert [line for line in whole.splitlines() if line.startswith("print")] == code.splitlines()


def test_a_failed_answer_can_be_tried_again_once(phone: Phone) -> None:
    phone.say(script(tokens=3, fail="500"))
    problem = phone.sees("⚠️")
    assert phone.count("⚠️") == 1

    phone.press(problem, "Try again")
    phone.press(problem, "Try again")
    wait_until(lambda: phone.count("⚠️") == 2, seconds=15, what="the second failure")
    wait_until(lambda: "That is done already." in phone.api.toasts, seconds=5, what="the toast")


def test_an_answer_is_stopped_by_command_and_by_the_drafts_button(phone: Phone) -> None:
    phone.say(script(tokens=400, per_second=20))
    wait_until(lambda: phone.api.drafts, seconds=10, what="a draft")
    phone.say("/stop")
    phone.sees("Stopped here.")

    phone.api.drafts.clear()
    phone.say(script(tokens=401, per_second=20))
    wait_until(lambda: phone.api.drafts, seconds=10, what="a draft")
    draft = int(phone.api.drafts[0]["draft_id"])
    phone.api.push(
        stopped_message_generation={"chat": {"id": 7, "type": "private"}, "draft_id": draft}
    )
    wait_until(lambda: phone.count("Stopped here.") == 2, seconds=10, what="the second stop")


def test_without_drafts_a_message_is_edited_at_a_bearable_pace(
    phone: Phone, bot: Installation
) -> None:
    other = Phone(bot, phone.api, chat=8)
    phone.api.has_drafts = False
    phone.api.calls.clear()
    other.say(script(tokens=320, per_second=40))
    other.sees("319:")

    changes = [at for name, _, at in phone.api.calls if name == "editMessageText"]
    assert len(changes) >= 3
    assert len(other.texts) == 1
    assert min(b - a for a, b in itertools.pairwise(changes[:-1])) >= 1.4
    assert len(phone.api.asked("sendMessage")) == 1


def test_a_group_is_answered_where_the_bot_is_named(bot: Installation, phone: Phone) -> None:
    group = Phone(bot, phone.api, chat=GROUP)
    group.say("not for you")
    group.say(f"@{bot_api.USERNAME} {script(tokens=30)}")
    group.sees("29:")

    assert len(group.texts) == 1
    assert not [each for each in phone.api.drafts if int(each["chat_id"]) == GROUP]
    stranger = Phone(bot, phone.api, chat=GROUP, sender=99)
    stranger.say(f"@{bot_api.USERNAME} hello")
    stranger.sees("I only talk with people who have linked")


def test_topics_are_threads_of_their_own(bot: Installation, phone: Phone) -> None:
    forum = Phone(bot, phone.api, chat=-1002)
    where = {"id": -1002, "type": "supergroup", "title": "Forum", "is_forum": True}
    for topic in (11, 12):
        place = {"chat": where, "message_thread_id": topic, "is_topic_message": True}
        forum.say(script(text=f"answer in {topic}"), **place)
        assert forum.sees(f"answer in {topic}")["message_thread_id"] == topic
    forum.say("/fork", chat=where, message_thread_id=12, is_topic_message=True)
    opened = forum.sees("goes on here.")

    assert phone.api.asked("createForumTopic")
    assert opened["message_thread_id"] >= 100


def test_flood_control_is_obeyed_and_the_order_kept(phone: Phone) -> None:
    phone.api.fail["sendMessage"].append(flood(2))
    phone.api.calls.clear()
    phone.say(script(text="the first"))
    phone.say(script(text="the second"))
    phone.sees("the second")

    assert phone.texts == ["the first", "the second"]
    sent = [at for name, _, at in phone.api.calls if name == "sendMessage"]
    assert sent[1] - sent[0] >= 1.9


def test_telegram_that_is_away_gets_the_answer_later(phone: Phone) -> None:
    phone.api.fail["sendMessage"] += [bot_api.Failure(502, "Bad Gateway")] * 2
    phone.say(script(text="at last"))
    phone.sees("at last")

    assert phone.count("at last") == 1


def test_the_same_update_twice_is_one(phone: Phone, client: httpx.Client) -> None:
    message = phone.api.message(script(text="only once"))
    number = phone.api.push(message=message)
    phone.sees("only once")
    phone.api.again(number, message=message)
    phone.api.push(message=message)  # with another id, as a webhook might
    phone.say(script(text="something else"))
    phone.sees("something else")

    assert phone.count("only once") == 1
    assert len(said(client, threads(client)[0]["id"])) == 4


def test_an_edited_message_is_answered_anew(phone: Phone, client: httpx.Client) -> None:
    message = phone.say(script(text="the first wording"))
    phone.sees("the first wording")
    changed = {**message, "text": script(text="the second wording"), "edit_date": 5}
    phone.api.push(edited_message=changed)
    phone.sees("the second wording")

    thread = threads(client)[0]["id"]
    asked = [
        each
        for each in client.get(f"/threads/{thread}/messages").json()["items"]
        if each["role"] == "user"
    ]
    assert [each["parent"] for each in asked] == [None, None]  # side by side


def test_pictures_and_files_go_both_ways(phone: Phone, client: httpx.Client) -> None:
    phone.api.files["files/notes"] = b"Remember the milk."
    phone.api.files["files/dots"] = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
    phone.api.files["files/blob"] = b"\x00\x01\x02"
    for name in ("notes", "blob"):
        file = {"file_id": name, "file_name": f"{name}.txt", "file_size": 9}
        phone.api.push(message=phone.api.message(document=file, caption=script(text=f"saw {name}")))
    phone.sees("saw notes")
    phone.sees("Only images (PNG, JPEG, GIF, WebP) and text files can be sent.")
    phone.api.push(message=phone.api.message(photo=[{"file_id": "dots", "file_size": 48}]))
    large = {"file_id": "x", "file_name": "large.iso", "file_size": 30_000_000}
    phone.api.push(message=phone.api.message(document=large))
    phone.sees("large.iso: it is larger than 10 MB.")
    phone.api.push(message=phone.api.message(voice={"file_id": "v"}))
    phone.sees("I can't listen to voice messages here.")

    thread = threads(client)[0]["id"]
    sent = [
        file
        for each in client.get(f"/threads/{thread}/messages").json()["items"]
        for file in each["attachments"]
    ]
    assert [each["name"] for each in sent] == ["notes.txt", "photo.jpg"]
    kept = client.get(f"/attachments/{sent[0]['id']}")
    assert kept.content == b"Remember the milk."


def test_an_agent_sends_a_file(phone: Phone, bot: Installation) -> None:
    switch = (
        "from agents.models import Agent; Agent.objects.filter(slug='openai')"
        ".update(tools=['write_file', 'send_file', 'ask_user', 'calculator'])"
    )
    bot.command("shell", "-c", switch)
    write = {"name": "write_file", "arguments": '{"path": "a.txt", "content": "made here"}'}
    phone.say(script(calls=[write]))
    wait_until(lambda: phone.texts, seconds=15, what="an answer")
    send = {"name": "send_file", "arguments": '{"path": "a.txt", "caption": "Here <it> is"}'}
    phone.say(script(calls=[send]))
    file = phone.sees("Here")

    assert file["file"] == b"made here"


def test_leave_is_given_by_a_button_that_works_once(phone: Phone, bot: Installation) -> None:
    switch = (
        "from agents.models import Agent; Agent.objects.filter(slug='openai')"
        ".update(tools=['calculator', 'ask_user'], approvals=['calculator'])"
    )
    bot.command("shell", "-c", switch)
    call = {"name": "calculator", "arguments": '{"expression": "6*7"}'}
    phone.say(script(calls=[call]))
    asked = phone.sees("May calculator be called?")
    assert '"expression": "6*7"' in asked["plain"]
    phone.press(asked, "Allow")
    phone.press(asked, "Deny")
    phone.sees("Allowed.")
    wait_until(lambda: "That is done already." in phone.api.toasts, seconds=5, what="a toast")

    assert phone.sees("May calculator be called?")["reply_markup"] is None
    phone.sees("42")


def test_a_question_is_answered_with_a_message(phone: Phone) -> None:
    call = {"name": "ask_user", "arguments": '{"user_request": "Which colour?"}'}
    phone.say(script(calls=[call]))
    phone.sees("Which colour?")
    phone.say("blue")
    settled = phone.sees("Answered: blue")

    assert settled["reply_markup"] is None
    assert "Answer with a message" not in settled["plain"]


@pytest.mark.parametrize("moment", ["before", "while"])
def test_a_bot_that_is_killed_sends_each_answer_once(
    phone: Phone, bot: Installation, client: httpx.Client, moment: str
) -> None:
    name = f"killed {moment}"
    if moment == "before":  # between answer and delivery
        phone.api.fail["sendMessage"] += [bot_api.Failure(502, "Bad Gateway")] * 3
        thread = threads(client)[0]["id"]
        body = {"content": script(text=f"answer, {name}")}
        client.post(f"/threads/{thread}/messages", json=body).raise_for_status()
        wait_until(
            lambda: len(phone.api.fail["sendMessage"]) < 3 and len(said(client, thread)) == 2,
            seconds=15,
            what="an answer that could not be delivered",
        )
    else:  # while it grows
        phone.say(script(text=f"answer, {name} " + "word " * 80, per_second=8))
        wait_until(lambda: phone.api.drafts, seconds=10, what="a draft")
    bot.child("telegram").kill()
    phone.sees(f"answer, {name}")
    phone.say("/status")
    phone.sees("Nothing is under way.")

    assert len([each for each in phone.texts if each.startswith(f"answer, {name}")]) == 1


def test_a_storm_loses_nothing_and_keeps_the_order(
    shared_server: tuple[str, stand_in.StandIn], tmp_path: Path
) -> None:
    """Six chats talk while the bot is killed three times, and Telegram is in trouble."""
    with (
        bot_api.serving() as (address, server),
        running(tmp_path, **settings(address, shared_server[0])) as bot,
    ):
        linked = bot.command("shell", "-c", SIX)
        assert linked.returncode == 0, linked.stderr
        phones = [Phone(bot, server, chat=number, sender=number) for number in range(50, 56)]
        server.fail["sendMessage"] += [bot_api.Failure(502, "Bad Gateway"), flood(1)]
        for number in range(4):
            for each in phones:
                each.say(script(text=f"answer {number} of {each.chat}", per_second=10))
            if number < KILLS:
                kill_while_it_sends(bot, phones)
        for each in phones:
            each.sees("answer 3 of", seconds=60)
    doubled = 0
    for each in phones:
        # In order: an answer that comes twice comes twice in a row, never behind a later one.
        once = [text for text, _ in itertools.groupby(each.texts)]
        assert once == [f"answer {number} of {each.chat}" for number in range(4)]
        assert len(each.texts) - len(once) <= KILLS  # what Telegram was just taking
        doubled += len(each.texts) - len(once)
    sys.stdout.write(f"{KILLS} kills, {doubled} of 24 answers twice\n")


def kill_while_it_sends(bot: Installation, phones: list[Phone]) -> None:
    seen = sum(len(each.texts) for each in phones)

    def sends() -> bool:
        there = bool(bot.children_named("telegram"))  # not so right after it was killed
        return there and sum(len(each.texts) for each in phones) > seen

    wait_until(sends, seconds=30, what="something new")
    bot.child("telegram").kill()


def test_what_is_lost_between_telegram_and_the_note_is_sent_again(
    phone: Phone, bot: Installation
) -> None:
    phone.api.hold.add("sendMessage")
    phone.say(script(text="in between"))
    phone.sees("in between")
    bot.child("telegram").kill()
    phone.api.hold.clear()
    wait_until(lambda: phone.count("in between") == 2, seconds=20, what="the second sending")
    phone.say("/status")
    phone.sees("Nothing is under way.")

    assert phone.count("in between") == 2  # rather twice than never; and not a third time


def test_who_blocks_the_bot_is_left_alone(phone: Phone, bot: Installation) -> None:
    blocked = bot_api.Failure(403, "Forbidden: bot was blocked by the user")
    phone.api.fail["sendMessage"].append(blocked)
    phone.say(script(text="never seen"))
    ask = "from telegram_bot.models import Chat; print(Chat.objects.get(chat_id=7).refused)"
    wait_until(
        lambda: "blocked" in bot.command("shell", "-c", ask).stdout, seconds=15, what="the note"
    )
    began = time.monotonic()
    phone.say(script(text="back again"))
    phone.sees("back again")

    assert phone.count("never seen") == 0
    assert time.monotonic() - began < 10


def test_no_secret_stands_in_the_log(bot: Installation, phone: Phone) -> None:
    phone.say(script(text="nothing to see"))
    phone.sees("nothing to see")

    assert not [line for line in bot.lines if bot_api.TOKEN.partition(":")[2] in line]
