"""Branches, forks, the past, and what a person is asked, in a real browser."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.acceptance.screens import begin, ended, last_answer, ready, say, shot
from tests.support.installation import Installation
from tests.support.stand_in import script

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ASKER = """
from agents.models import Agent
Agent.objects.get_or_create(
    slug="asker", defaults={"name": "Asker", "model": "openai/stand-in", "tools": ["ask_user"]}
)
"""


@contextmanager
def held(page: Page, script_url: str) -> Iterator[None]:
    routes: list[Route] = []

    def hold(route: Route) -> None:
        routes.append(route)

    page.route(script_url, hold)
    with page.expect_request(script_url):
        yield
    for route in routes:
        route.continue_()
    page.unroute(script_url)


def test_another_wording_and_the_way_back(page: Page) -> None:
    begin(page, script(text="First answer."), "openai")
    ended(page)
    say(page, script(text="Second answer."))
    expect(page.locator(".message.assistant")).to_have_count(2)
    ended(page)

    page.locator(".message.user").first.get_by_role("link", name="Edit").click()
    box = page.get_by_label("Message", exact=True)
    expect(box).to_have_value(script(text="First answer."))
    ready(page)
    box.fill(script(text="Other answer."))
    page.keyboard.press("Enter")

    expect(page.locator(".message.assistant")).to_have_count(1)
    ended(page)
    expect(last_answer(page)).to_contain_text("Other answer.")
    page.goto(page.url.partition("?")[0])
    first = page.locator(".message.user").first
    expect(first).to_contain_text("2/2")
    shot(page, "branches")
    first.get_by_role("button", name="Earlier version").click()
    expect(page.locator(".message.assistant")).to_have_count(2)
    expect(last_answer(page)).to_contain_text("Second answer.")


def test_an_answer_is_given_again_and_paged(page: Page) -> None:
    begin(page, script(text="An answer."), "openai")
    ended(page)

    last_answer(page).get_by_role("button", name="Answer again").click()
    expect(last_answer(page)).to_contain_text("2/2")
    ended(page)
    expect(page.locator(".message.assistant")).to_have_count(1)


def test_a_fork_and_the_past(page: Page) -> None:
    begin(page, script(text="One."), "openai")
    ended(page)
    say(page, script(text="Two."))
    expect(page.locator(".message.assistant")).to_have_count(2)
    ended(page)
    origin = page.url

    with held(page, "**/moment*.js"):
        page.get_by_role("link", name="History").click()
        page.get_by_label("As it stood at event").fill("8")  # before the page's script has come
    page.wait_for_url("**/at/8/")
    expect(page.locator(".message.assistant")).to_have_count(1)
    shot(page, "past")
    page.get_by_role("link", name="One back").click()
    page.wait_for_url("**/at/7/")
    page.get_by_role("button", name="Go on from here in a new thread").click()
    expect(page.get_by_text("Goes on from another thread.")).to_be_visible()
    say(page, script(text="Elsewhere."))
    ended(page)
    expect(last_answer(page)).to_contain_text("Elsewhere.")

    page.goto(origin)
    page.locator(".message.assistant").first.get_by_role("button", name="Fork").click()
    expect(page.locator(".message.assistant")).to_have_count(1)
    assert page.url != origin


def test_a_question_is_answered_on_the_page(page: Page, parley: Installation) -> None:
    assert parley.command("shell", "-c", ASKER).returncode == 0
    page.reload()
    calls = [{"name": "ask_user", "arguments": '{"user_request": "Which colour?"}'}]
    begin(page, script(calls=calls), "asker")
    ended(page, "waiting")

    step = page.locator(".step")
    expect(step.get_by_text("Which colour?").last).to_be_visible()
    shot(page, "question")
    page.reload()
    step.get_by_label("Your answer").fill("Blue, please.")
    step.get_by_role("button", name="Answer").click()

    ended(page)
    expect(last_answer(page)).to_contain_text("Blue, please.")


def test_the_answer_under_way_is_told_something(page: Page) -> None:
    begin(page, script(tokens=120, per_second=40), "openai")
    expect(last_answer(page)).to_have_attribute("data-state", "streaming")
    page.get_by_label("Tell the answer under way").check()
    say(page, script(text="This came too late for a step."))

    expect(page.locator(".message.assistant")).to_have_count(2)
    ended(page)
    expect(last_answer(page)).to_contain_text("This came too late for a step.")


def test_a_message_is_pinned_in_every_window(page: Page, context: BrowserContext) -> None:
    begin(page, script(text="An answer."), "openai")
    ended(page)
    other = context.new_page()
    other.goto(page.url)

    page.locator(".message.user").get_by_role("button", name="Pin").click()

    for window in (page, other):
        pin = window.locator(".message.user .pin")
        expect(pin).to_have_attribute("aria-pressed", "true")
        expect(pin).to_have_text("Pinned")
    ready(page)
    page.locator(".message.user .pin").click()
    expect(other.locator(".message.user .pin")).to_have_text("Pin")
