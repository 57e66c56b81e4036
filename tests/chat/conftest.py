"""What tests of conversations share: their rows are folded again after each of them."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from agents import endpoints
from agents.llm.providers import demo as demo_provider
from agents.models import Agent
from chat import gateway
from chat.models import Thread, User
from tests.support.stand_in import StandIn


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo model speak without its pauses."""
    monkeypatch.setattr(demo_provider, "SECONDS_PER_WORD", 0)


@pytest.fixture
def scripted(
    db: None, model_server: tuple[str, StandIn], settings: Settings
) -> Iterator[tuple[Agent, StandIn]]:
    """An agent whose model does what it is told to, and the server behind it."""
    settings.LLM_ENDPOINTS = {"openai": (model_server[0], "")}
    settings.LLM_FIRST_TOKEN_SECONDS = settings.LLM_BETWEEN_TOKENS_SECONDS = 1
    settings.LLM_RETRIES = 0
    endpoints.broker.cache_clear()
    agent = Agent.objects.create(
        slug="scripted",
        name="Scripted",
        model="openai/stand-in",
        tools=["calculator", "resolve_date"],
    )
    yield agent, model_server[1]
    endpoints.broker.cache_clear()


@pytest.fixture
def scripted_thread(owner: User, scripted: tuple[Agent, StandIn]) -> Thread:
    """A thread with the scripted agent."""
    return gateway.start(owner=owner, agent="scripted", actor="user:1")
