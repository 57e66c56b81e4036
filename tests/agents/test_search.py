"""Who searches the web, and what services of it tell, by what they were recorded to say."""

import ipaddress
from collections.abc import Iterator
from typing import Any

import pytest

from agents.errors import ToolError
from agents.tools import ToolContext
from agents.tools.guard import Guard, Network
from agents.tools.registry import registry
from agents.tools.web import Web
from tests.support.site import ASKED, serving

LOOPBACK: tuple[Network, ...] = (ipaddress.IPv4Network("127.0.0.1/32"),)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A site on this machine."""
    with serving() as url:
        yield url


def call(name: str, context: ToolContext, **arguments: Any) -> Any:  # noqa: ANN401
    found = registry.get(name)
    assert found is not None
    return found.call(found.model.model_validate(arguments), context)


def near(**more: Any) -> ToolContext:
    """Return a context that may call this machine."""
    return ToolContext(web=Web(guard=Guard(networks=LOOPBACK, seconds=2), **more))


@pytest.mark.parametrize(
    ("backend", "sent"),
    [
        ("brave", {"q": "parley", "count": "5"}),
        ("duckduckgo", {"q": "parley", "format": "json", "no_html": "1"}),
        ("searxng", {"q": "parley", "format": "json"}),
        ("serpapi", {"engine": "google", "q": "parley", "num": "5", "api_key": "the-key"}),
    ],
)
def test_everybody_who_searches(site: str, backend: str, sent: dict[str, str]) -> None:
    own = Web(search=backend, search_url=f"{site}/{backend}", search_key="the-key")

    found = call("organic_web_search", ToolContext(web=own), query="parley", count=5)

    assert [hit["url"] for hit in found["results"]][:2] == [
        "https://a.example/",
        "https://b.example/",
    ]
    assert found["results"][0]["title"] == "Parley"
    query, headers = ASKED[-1]
    assert query == sent
    assert headers.get("X-Subscription-Token") == ("the-key" if backend == "brave" else None)


@pytest.mark.parametrize("backend", ["brave", "duckduckgo", "searxng", "serpapi"])
def test_nothing_found_and_nothing_to_be_read(site: str, backend: str) -> None:
    empty = Web(search=backend, search_url=f"{site}/nothing", search_key="k")
    found = call("web_search", ToolContext(web=empty), query="parley")
    assert found["results"] == []

    if backend != "serpapi":
        broken = Web(search=backend, search_url=f"{site}/broken", search_key="k")
        with pytest.raises(ToolError, match="can't be read"):
            call("web_search", ToolContext(web=broken), query="parley")
    page = Web(search=backend, search_url=f"{site}/page", search_key="k")
    with pytest.raises(ToolError, match="no JSON"):
        call("web_search", ToolContext(web=page), query="parley")


@pytest.mark.parametrize(
    ("web", "message"),
    [
        (Web(), "SEARCH_BACKEND to brave, duckduckgo, searxng, serpapi"),
        (Web(search="brave"), "SEARCH_API_KEY"),
        (Web(search="searxng"), "SEARCH_URL"),
    ],
)
def test_what_is_missing_to_search_is_said(web: Web, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        call("web_search", ToolContext(web=web), query="parley")


def test_the_key_is_not_in_what_is_said(site: str) -> None:
    own = Web(search="serpapi", search_url=f"{site}/plain", search_key="the-key")

    with pytest.raises(ToolError) as failed:
        call("web_search", ToolContext(web=own), query="parley")

    assert "the-key" not in str(failed.value)
    assert "the-key" not in repr(own)


def test_something_is_looked_up(site: str) -> None:
    found = call("wiki_search", near(wiki_url=f"{site}/wiki"), query="parley")

    assert [each["title"] for each in found["articles"]] == ["First", "Second"]
    nothing = call("wiki_search", near(wiki_url=f"{site}/nothing"), query="parley")
    assert nothing["articles"] == []
    for language in ("../x", "EN", "e"):
        with pytest.raises(ToolError, match="language"):
            call("wiki_search", near(), query="parley", language=language)


def test_the_weather_is_told(site: str) -> None:
    context = near(geocoding_url=f"{site}/places", weather_url=f"{site}/forecast")

    told = call("weather", context, place="Bonn", days=2)

    assert told["place"] == "Bonn, Germany"
    assert told["now"] == {
        "sky": "light rain",
        "celsius": 7.5,
        "humidity_percent": 80,
        "wind_kmh": 12,
    }
    assert [(day["weekday"], day["sky"]) for day in told["days"]] == [
        ("Saturday", "overcast"),
        ("Sunday", "unknown"),
    ]
    with pytest.raises(ToolError, match="no place 'Nowhere'"):
        call("weather", near(geocoding_url=f"{site}/nothing"), place="Nowhere")
    broken = near(geocoding_url=f"{site}/places", weather_url=f"{site}/nothing")
    with pytest.raises(ToolError, match="can't be read"):
        call("weather", broken, place="Bonn")
