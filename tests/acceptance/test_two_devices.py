"""A browser and a phone: one conversation, linked and seen on both."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.screens import PATIENCE_MS, begin, ended, last_answer, ready, say, shot
from tests.acceptance.telegram import Phone, settings
from tests.support import bot_api, stand_in
from tests.support.bot_api import BotApi
from tests.support.installation import Installation, running, wait_until
from tests.support.stand_in import script

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

DOTS = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cf"
    "c000000301010018dd8db00000000049454e44ae426082"
)


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
    """A Parley with a bot, and nobody linked."""
    given = settings(api[0], shared_server[0])
    with running(tmp_path_factory.mktemp("devices"), **given) as installation:
        yield installation


@pytest.fixture
def page(browser: Browser, bot: Installation) -> Iterator[Page]:
    """The owner's browser."""
    faults: list[str] = []
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    context.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    opened.goto(bot.command("signin").stdout.strip())
    yield opened
    context.close()
    assert faults == []


def test_one_conversation_on_both(
    page: Page, bot: Installation, api: tuple[str, BotApi], tmp_path: Path
) -> None:
    phone = Phone(bot, api[1])
    phone.say("hello")
    phone.sees("I only talk with people who have linked their account.")
    link_by_page(page, phone)
    talk_on_both(page, phone)
    send_a_picture(page, phone, tmp_path / "dots.png")
    unlink_by_page(page, phone)


def link_by_page(page: Page, phone: Phone) -> None:
    page.get_by_role("link", name="Telegram").click()
    page.get_by_role("button", name="Link an account").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    link = page.get_by_role("link", name="Open Telegram").get_attribute("href") or ""
    code = re.fullmatch(r"https://t\.me/parley_bot\?start=([\w-]+)", link)
    assert code is not None
    shot(page, "telegram-link")
    phone.say(f"/start {code[1]}")
    phone.sees("Your account is linked.")
    phone.say(f"/start {code[1]}")
    phone.sees("This code is used, too old, or wrong.")
    page.get_by_role("link", name="Back to the threads").click()


def talk_on_both(page: Page, phone: Phone) -> None:
    begin(page, script(text="begun in the **browser**"), "openai")
    ended(page)
    phone.say("/threads")
    phone.press(phone.sees("Your threads"), "1")
    phone.sees("begun in the browser")

    phone.say(script(text="gone on in *Telegram*", per_second=20))
    phone.sees("gone on in Telegram")
    expect(last_answer(page).locator(".text em")).to_have_text("Telegram")
    ready(page)
    say(page, script(text="and back again"))
    phone.sees("and back again")
    assert "and back again" in phone.sees("You, on the page:")["plain"]
    expect(last_answer(page).locator(".text")).to_contain_text("and back again")
    expect(page.locator(".message")).to_have_count(6)


def send_a_picture(page: Page, phone: Phone, picture: Path) -> None:
    picture.write_bytes(DOTS)
    page.get_by_label("Files").set_input_files(picture)
    say(page, script(text="a picture"))
    expect(page.locator(".message.user .files img").last).to_have_js_property("naturalWidth", 1)
    wait_until(
        lambda: [each["file"] for each in phone.messages if "file" in each] == [DOTS],
        seconds=10,
        what="the picture",
    )
    shot(page, "two-devices")


def unlink_by_page(page: Page, phone: Phone) -> None:
    page.get_by_role("link", name="Telegram").click()
    page.get_by_role("button", name="Unlink").click()
    expect(page.get_by_text("Linked accounts")).to_be_hidden()
    phone.say("are you there?")
    page.get_by_role("link", name="Back to the threads").click()
    begin(page, script(text="not for the phone"), "openai")
    ended(page)
    assert phone.count("not for the phone") == 0
