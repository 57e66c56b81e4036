"""A whole conversation in a real browser."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.acceptance.screens import begin, ended, last_answer, shot
from tests.support.installation import Installation
from tests.support.stand_in import script, tokens

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_the_demo_answers_with_two_tools(page: Page) -> None:
    begin(page, "What is 17*23, and what date is next Tuesday?")
    ended(page)

    steps = page.locator(".step")
    expect(steps).to_have_count(2)
    expect(steps.first).to_contain_text("calculator")
    expect(steps.last).to_contain_text("resolve_date")
    expect(last_answer(page).locator(".text")).to_contain_text("391")
    steps.first.locator("summary").click()
    expect(steps.first.locator(".result")).to_contain_text('"result": 391')
    shot(page, "demo")
    page.reload()
    expect(page.locator(".step")).to_have_count(2)
    expect(page.locator("#title")).to_contain_text("17*23")


def test_two_thousand_tokens_are_shown_whole(page: Page) -> None:
    begin(page, script(tokens=2000), "openai")
    ended(page)

    shown = last_answer(page).locator(".text").inner_text()
    numbers = [int(part.split(":")[0]) for part in shown.split() if part.split(":")[0].isdigit()]
    assert numbers == list(range(2000))


def test_an_answer_grows_and_a_reload_in_the_middle_loses_nothing(page: Page) -> None:
    begin(page, script(tokens=160, per_second=40), "openai")
    expect(last_answer(page)).to_have_attribute("data-state", "streaming")
    expect(last_answer(page).locator(".text")).to_contain_text("20:")
    shot(page, "streaming")
    page.reload()
    expect(last_answer(page).locator(".text")).to_contain_text("20:")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    ended(page)

    source = "".join(tokens(160)).split()
    shown = last_answer(page).locator(".text").inner_text().split()
    assert [w for w in shown if w[0].isdigit()] == [
        w.replace("**", "") for w in source if w[0].isdigit()
    ]
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()


def test_thoughts_are_shown_while_they_come_and_afterwards(page: Page) -> None:
    thinks = " ".join(f"thought{number}" for number in range(40))
    begin(page, script(text="42", thinks=thinks, per_second=20), "openai")

    step = page.locator('.step[data-state="thinking"]')
    expect(step.locator(".result")).to_contain_text("thought3")
    expect(step.locator(".result")).to_be_hidden()
    step.locator("summary").click()
    expect(step.locator(".result")).to_contain_text("thought10")
    shot(page, "thinking")
    ended(page)

    whole = page.locator('.step[data-state="thought"] .result')
    expect(whole).to_have_text(thinks)
    expect(last_answer(page).locator(".text")).to_have_text("42")


def test_stop_keeps_the_text_and_try_again_answers_anew(page: Page) -> None:
    begin(page, "Write 2000 words")
    expect(last_answer(page).locator(".text")).to_contain_text("word20")
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled")

    expect(last_answer(page)).to_contain_text("Stopped.")
    expect(last_answer(page).locator(".text")).to_contain_text("word20")
    last_answer(page).get_by_role("button", name="Try again").click()
    expect(page.locator(".message.assistant")).to_have_count(1)
    expect(last_answer(page)).to_have_attribute("data-state", "streaming")
    page.get_by_role("button", name="Stop").click()
    ended(page, "cancelled")


def test_a_failure_says_why(page: Page) -> None:
    begin(page, script(tokens=9, fail="429"), "openai")
    ended(page, "failed")

    expect(last_answer(page)).to_contain_text("Try again in 7 seconds")
    expect(last_answer(page).get_by_role("button", name="Try again")).to_be_visible()
    shot(page, "failure")


def test_two_windows_see_the_same(page: Page, context: BrowserContext) -> None:
    begin(page, "Hello")
    ended(page)
    other = context.new_page()
    other.goto(page.url)
    other.get_by_label("Message", exact=True).fill("from the other window")
    other.keyboard.press("Enter")

    for each in (page, other):
        expect(each.locator(".message.user")).to_have_count(2)
        expect(each.locator(".message.assistant")).to_have_count(2)
        ended(each)
    assert page.locator("#messages").inner_text() == other.locator("#messages").inner_text()


def test_hostile_text_is_shown_and_does_nothing(page: Page) -> None:
    begin(
        page, script(text="<img src=x onerror=alert(1)> ![x](https://evil.example/p.png)"), "openai"
    )
    ended(page)

    expect(page.locator(".text img")).to_have_count(0)
    expect(last_answer(page)).to_contain_text("onerror=alert(1)")


def test_the_page_is_used_by_keyboard_on_a_phone_in_the_dark(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 780})
    page.emulate_media(color_scheme="dark")
    page.reload()
    expect(page.get_by_label("Message", exact=True)).to_be_focused()
    page.keyboard.type("first line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("second line")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Agent")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Files")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/threads/**")
    ended(page)

    expect(page.locator(".message.user .text")).to_have_text("first line\nsecond line")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    shot(page, "phone-dark")


def test_an_agent_is_set_up_in_the_admin_and_talked_to(page: Page, parley: Installation) -> None:
    page.goto(f"{parley.url}/admin/agents/agent/add/")
    page.get_by_label("Name").fill("Counter")
    page.locator("#id_model").fill("demo/counter")
    page.get_by_role("checkbox", name="calculator: ").check()
    expect(page.get_by_label("Slug")).to_have_value("counter")
    shot(page, "admin-agent")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/agents/agent/")
    page.goto(parley.url)
    begin(page, "What is 6*7, and what time is it?", "counter")
    ended(page)

    expect(page.locator(".step")).to_have_count(1)
    expect(last_answer(page).locator(".text")).to_contain_text("42")
    page.goto(f"{parley.url}/admin/tracer/traceevent/?q=agent:counter")
    expect(page.locator("#result_list")).to_contain_text("tool.returned")
    shot(page, "admin-events")


SKILLED = """
from agents.models import Agent
skills = ["code-review", "meeting-notes"]
more = {"name": "Skilled", "model": "openai/stand-in", "skills": skills}
Agent.objects.get_or_create(slug="skilled", defaults=more)
"""


def test_a_skill_is_named_with_a_slash(page: Page, parley: Installation) -> None:
    assert parley.command("shell", "-c", SKILLED).returncode == 0
    page.reload()
    page.get_by_label("Agent").select_option("skilled")
    box = page.get_by_label("Message", exact=True)

    box.press_sequentially("/")
    options = page.get_by_role("option", name="meeting-notes").or_(
        page.get_by_role("option", name="code-review")
    )
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", name="meeting-notes")).to_have_attribute(
        "aria-selected", "true"
    )
    shot(page, "skills")
    page.keyboard.press("Enter")
    expect(box).to_have_value("/meeting-notes ")
    box.press_sequentially("of today")
    page.keyboard.press("Enter")
    page.wait_for_url("**/threads/**")

    ended(page)
    expect(page.locator(".step .tool")).to_have_text("Skill meeting-notes")
    page.goto(f"{parley.url}/admin/agents/agent/skills/")
    expect(page.get_by_text("Turns a transcript or rough notes")).to_be_visible()
    shot(page, "admin-skills")
