"""What a person does in the browser, and what they see. Screenshots go to `build/screenshots`."""

from playwright.sync_api import Locator, Page, expect

from tests.support.installation import ROOT

SHOTS = ROOT / "build" / "screenshots"
PATIENCE_MS = 15_000


def shot(page: Page, name: str) -> None:
    """Keep a screenshot."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def begin(page: Page, content: str, agent: str = "demo") -> None:
    """Begin a thread with a message."""
    page.get_by_label("Agent").select_option(agent)
    page.get_by_label("Message", exact=True).fill(content)
    page.keyboard.press("Enter")
    page.wait_for_url("**/threads/**")


def ready(page: Page) -> None:
    """Wait until the scripts of the page that is shown have run."""
    page.wait_for_function("document.readyState === 'complete'")


def say(page: Page, content: str) -> None:
    """Send a message in the thread that is open."""
    ready(page)
    page.get_by_label("Message", exact=True).fill(content)
    page.keyboard.press("Enter")


def last_answer(page: Page) -> Locator:
    """Return the last answer on the page."""
    return page.locator(".message.assistant").last


def ended(page: Page, state: str = "completed") -> None:
    """Wait for the last answer's end."""
    expect(last_answer(page)).to_have_attribute("data-state", state, timeout=PATIENCE_MS)
