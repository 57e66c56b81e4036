"""Who may talk with the bot: codes, strangers, and how it ends."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from agents.models import Agent
from chat.models import Run, User
from telegram_bot import identity, links
from telegram_bot.identity import Identity
from telegram_bot.models import Account, Chat, LinkCode, Post
from tests.telegram_bot.person import Person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("_tables_equal_their_fold", "_emptied_redis", "demo"),
]


def test_a_code_links_once(owner: User) -> None:
    code = links.make_code(owner)
    ada, bob = Person(), Person(number=8, chat=8)
    ada.write(f"/start {code}")
    bob.write(f"/start {code}")

    assert Account.objects.get().telegram_id == 7
    assert "Your account is linked." in ada.read()[0]
    assert "This code is used, too old, or wrong." in bob.read()[0]
    ada.write("Hello")
    assert ada.thread.owner_id == owner.pk


def test_a_code_is_kept_as_a_hash_and_void_in_time_and_by_the_next(owner: User) -> None:
    first = links.make_code(owner)
    second = links.make_code(owner)
    assert second not in LinkCode.objects.get().digest
    ada = Person()
    ada.write(f"/start {first}")
    LinkCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    ada.write(f"/start {second}")

    assert not Account.objects.exists()
    assert len(ada.read()) == 2


def test_codes_can_not_be_guessed_for_long(owner: User) -> None:
    links.make_code(owner)
    ada = Person()
    for number in range(8):
        ada.write(f"/start guess{number}")

    told = ada.read()
    assert sum("used, too old" in each for each in told) == 5
    assert sum("Too many codes" in each for each in told) == 3


def test_a_code_of_somebody_who_is_switched_off_links_nobody(owner: User) -> None:
    code = links.make_code(owner)
    User.objects.update(is_active=False)
    Person().write(f"/start {code}")

    assert not Account.objects.exists()


def test_strangers_get_one_sentence_and_nothing_else(db: None) -> None:
    eve = Person()
    for text in ("Hello", "Hello?", "/help", "/threads", "/start"):
        eve.write(text)

    (told,) = eve.read()
    assert told.startswith("I only talk with people who have linked their account.")
    assert not Run.objects.exists()
    assert not Chat.objects.filter(account__isnull=False).exists()


def test_strangers_buttons_and_edits_do_nothing(ada: Person) -> None:
    ada.write("/agents")
    outcome = ada.press("Demo", number=66)
    assert outcome.toast
    assert ada.row.agent == ""
    message = ada.message("Hello")
    ada.happen(message=message)
    eve = {**message, "from": {"id": 66, "is_bot": False, "first_name": "E"}, "text": "Evil"}
    ada.happen(edited_message=eve)

    assert Run.objects.count() == 1


def test_linking_with_another_person_takes_nothing_along(
    owner: User, stranger: User, demo: Agent
) -> None:
    ada = Person()
    ada.write(f"/start {links.make_code(owner)}")
    ada.write("Secret")
    ada.read()
    ada.write(f"/start {links.make_code(stranger)}")

    assert Account.objects.get().user_id == stranger.pk
    assert ada.row.thread is None
    ada.write("/threads")
    assert "There is no thread yet." in ada.read()[-1]


def test_a_group_is_its_persons_alone(ada: Person, stranger: User, account: Account) -> None:
    Account.objects.create(telegram_id=9, user=stranger)
    first, second = Person(chat=-5), Person(number=9, chat=-5)
    first.write("@parley_bot Hello")
    second.write("@parley_bot Hello")

    assert "Somebody else's conversation goes on in this chat." in second.read()[-1]
    assert Run.objects.count() == 1


def test_who_is_switched_off_is_a_stranger(ada: Person) -> None:
    ada.write("Hello")
    User.objects.update(is_active=False)
    ada.write("Hello again")

    assert Run.objects.count() == 1
    assert "I only talk with people" in ada.read()[-1]


def test_the_page_links_and_unlinks(
    client: Client, owner: User, stranger: User, settings: Settings
) -> None:
    assert client.get("/telegram/").status_code == 302
    client.force_login(owner)
    identity.tell(Identity(id=1, username="parley_bot"))
    page = client.post("/telegram/").content.decode()
    code = page.partition("https://t.me/parley_bot?start=")[2].partition('"')[0]
    assert "<svg" in page
    ada = Person()
    ada.write(f"/start {code}")
    ada.write("Hello")
    ada.read()
    account = Account.objects.get()
    assert "Ada (@ada)" in client.get("/telegram/").content.decode()

    other = Client()
    other.force_login(stranger)
    assert other.post(f"/telegram/{account.pk}/unlink/").status_code == 404
    assert client.get(f"/telegram/{account.pk}/unlink/").status_code == 405
    assert client.post(f"/telegram/{account.pk}/unlink/").status_code == 302
    assert not Account.objects.exists()
    assert not Post.objects.filter(state="waiting").exists()
    settings.TELEGRAM_BOT_TOKEN = ""
    page = client.post("/telegram/").content.decode()
    assert "No bot is set up here." in page


def test_the_page_says_when_the_bot_has_not_been_ready(client: Client, owner: User) -> None:
    client.force_login(owner)

    assert "has not been ready yet" in client.get("/telegram/").content.decode()
    page = client.post("/telegram/").content.decode()
    assert "/start " in page
    assert "<svg" not in page
