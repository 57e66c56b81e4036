"""A whole Parley for the tests of this folder: Redis, web, worker, beat, and a model server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.acceptance.screens import PATIENCE_MS
from tests.acceptance.talker import Talker
from tests.support import needs, stand_in
from tests.support.installation import Installation, running

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def shared_server() -> Iterator[tuple[str, stand_in.StandIn]]:
    """A model server for the whole session."""
    with stand_in.serving() as served:
        yield served


@pytest.fixture(scope="session")
def parley(
    shared_server: tuple[str, stand_in.StandIn], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Parley, the way `make run` starts it, with that model server."""
    settings = {
        "OPENAI_BASE_URL": shared_server[0],
        "LLM_RETRIES": "0",
        "MCP_TOOLS": "calculator,current_datetime",
        "LLM_FIRST_TOKEN_SECONDS": "2",
        "LLM_CONNECT_SECONDS": "1",
        "LLM_BETWEEN_TOKENS_SECONDS": "2",
    }
    with running(tmp_path_factory.mktemp("parley"), **settings) as installation:
        yield installation


@pytest.fixture(scope="session")
def key(parley: Installation) -> str:
    """An API key of the owner."""
    return parley.api_key()


@pytest.fixture
def talker(parley: Installation, key: str) -> Talker:
    """A plain client of the REST API and the socket."""
    return Talker(parley.url, key)


@pytest.fixture(scope="module")  # its loop keeps coroutine tests out while it is there
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = needs.program("chromium", "chromium-browser", hint="apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Browser, parley: Installation) -> Iterator[BrowserContext]:
    """A browser window that is signed in, and that reports every fault of a page."""
    faults: list[str] = []
    opened = browser.new_context(viewport={"width": 1100, "height": 800})
    opened.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    opened.on("weberror", lambda error: faults.append(str(error.error)))
    opened.set_default_timeout(PATIENCE_MS)
    link = parley.command("signin").stdout.strip()
    page = opened.new_page()
    page.goto(link)
    assert "token" not in page.url
    page.close()
    yield opened
    opened.close()
    assert faults == []


@pytest.fixture
def page(context: BrowserContext, parley: Installation) -> Page:
    """The page a person begins at."""
    opened = context.new_page()
    opened.goto(parley.url)
    return opened
