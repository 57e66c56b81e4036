"""What tools know of the web: who may be called, and who searches it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from agents.errors import ToolError
from agents.text import clean
from agents.tools.guard import EVERYWHERE, Fetched, Guard

REFUSED = 400
BUSY = 429


class Hit(BaseModel):
    """One result of a search."""

    title: str
    url: str
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class Web:
    """How tools reach the web.

    Attributes:
        guard: Keeps them to the public network.
        search: Who searches: a name among `BACKENDS`; nobody if empty.
        search_url: Where that is; its usual address if empty.
        search_key: The key that it wants.
        wiki_url: Where the encyclopedia is; "{language}" stands for its language.
        geocoding_url: Who knows where places are.
        weather_url: Who knows the weather there.
    """

    guard: Guard = field(default_factory=Guard)
    search: str = ""
    search_url: str = ""
    search_key: str = field(default="", repr=False)
    wiki_url: str = "https://{language}.wikipedia.org/w/api.php"
    geocoding_url: str = "https://geocoding-api.open-meteo.com/v1/search"
    weather_url: str = "https://api.open-meteo.com/v1/forecast"

    async def json(
        self, url: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Any:  # noqa: ANN401  (whatever the server says)
        """Ask a service and return what it says.

        Raises:
            ToolError: It gave no answer, or none that can be read.
        """
        found = await self.guard.get(url, params=dict(params), headers=dict(headers or {}))
        check(found)
        try:
            return json.loads(found.body)
        except ValueError as error:
            msg = f"{url} gave something that is no JSON."
            raise ToolError(msg) from error

    async def hits(self, query: str, *, count: int) -> list[Hit]:
        """Search the web.

        Args:
            query: What for.
            count: How many results are wanted at most.

        Raises:
            ToolError: Nobody searches here, or there was no answer.
        """
        backend = BACKENDS.get(self.search)
        if backend is None:
            msg = f"Nobody searches the web here: set SEARCH_BACKEND to {', '.join(BACKENDS)}."
            raise ToolError(msg)
        url = self.search_url or backend.url
        if not url or (backend.needs_key and not self.search_key):
            missing = "SEARCH_API_KEY" if url else "SEARCH_URL"
            msg = f"{self.search} can't search: {missing} is not set."
            raise ToolError(msg)
        params, headers = backend.asked(query, count, self.search_key)
        told = await self._own(url).json(url, params, headers)
        try:
            return [_cleaned(hit) for hit in backend.read(told)][:count]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"{self.search} gave an answer that can't be read."
            raise ToolError(msg) from error

    def _own(self, url: str) -> "Web":
        """Return how to reach a server that whoever operates Parley has named: wherever it is."""
        if url != self.search_url:
            return self
        return replace(self, guard=replace(self.guard, networks=EVERYWHERE))


Asked = tuple[dict[str, str], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Backend:
    """Somebody who searches.

    Attributes:
        asked: Says how: parameters and headers, for a query, a count and a key.
        read: Reads the results out of what was told; raises what it likes where it can't.
        url: Where it usually is.
        needs_key: Whether it wants a key.
    """

    asked: Callable[[str, int, str], Asked]
    read: Callable[[Any], list[Hit]]
    url: str = ""
    needs_key: bool = True


def _brave(told: Any) -> list[Hit]:  # noqa: ANN401
    found = (told.get("web") or {}).get("results") or []
    return [
        Hit(title=each["title"], url=each["url"], snippet=each.get("description") or "")
        for each in found
    ]


def _duckduckgo(told: Any) -> list[Hit]:  # noqa: ANN401
    hits = []
    if told.get("AbstractURL"):
        title = told.get("Heading") or told["AbstractURL"]
        hits.append(Hit(title=title, url=told["AbstractURL"], snippet=told.get("Abstract") or ""))
    topics = [*(told.get("Results") or []), *(told.get("RelatedTopics") or [])]
    for topic in topics:
        for each in topic.get("Topics", [topic]):
            if each.get("FirstURL"):
                title = each["Text"].partition(" - ")[0]
                hits.append(Hit(title=title, url=each["FirstURL"], snippet=each["Text"]))
    return hits


def _searxng(told: Any) -> list[Hit]:  # noqa: ANN401
    return [
        Hit(title=each["title"], url=each["url"], snippet=each.get("content") or "")
        for each in told["results"]
    ]


def _serpapi(told: Any) -> list[Hit]:  # noqa: ANN401
    if told.get("error") and not told.get("organic_results"):
        return []
    return [
        Hit(title=each["title"], url=each["link"], snippet=each.get("snippet") or "")
        for each in told.get("organic_results") or []
    ]


BACKENDS: dict[str, Backend] = {
    "brave": Backend(
        lambda query, count, key: (
            {"q": query, "count": str(count)},
            {"X-Subscription-Token": key, "Accept": "application/json"},
        ),
        _brave,
        "https://api.search.brave.com/res/v1/web/search",
    ),
    "duckduckgo": Backend(
        lambda query, _count, _key: ({"q": query, "format": "json", "no_html": "1"}, {}),
        _duckduckgo,
        "https://api.duckduckgo.com/",
        needs_key=False,
    ),
    "searxng": Backend(
        lambda query, _count, _key: ({"q": query, "format": "json"}, {}),
        _searxng,
        needs_key=False,
    ),
    "serpapi": Backend(
        lambda query, count, key: (
            {"engine": "google", "q": query, "num": str(count), "api_key": key},
            {},
        ),
        _serpapi,
        "https://serpapi.com/search.json",
    ),
}


def check(found: Fetched) -> None:
    """Say what a refusal means.

    Raises:
        ToolError: The status is an error's.
    """
    if found.status == BUSY:
        msg = f"{_place(found.url)} is asked too often just now. Try again later."
        raise ToolError(msg)
    if found.status >= REFUSED:
        msg = f"{_place(found.url)} answered with HTTP {found.status}."
        raise ToolError(msg)


def _place(url: str) -> str:
    """Return an address without what was asked: there may be a key in it."""
    return url.partition("?")[0]


def _cleaned(hit: Hit) -> Hit:
    return Hit(
        title=clean(hit.title), url=clean(hit.url), snippet=" ".join(clean(hit.snippet).split())
    )
