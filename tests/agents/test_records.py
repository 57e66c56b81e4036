"""Agents as records: who is there, who answers by default, who is set up at a start."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django import Settings

from agents import selectors
from agents.errors import NoSuchAgent
from agents.models import Agent
from agents.seeding import seed_agents
from chat.models import User
from tests.support.installation import free_port
from tests.support.stand_in import StandIn

pytestmark = pytest.mark.django_db


def test_the_demo_is_there_from_the_start(demo: Agent) -> None:
    assert selectors.default_agent() == demo
    names = [tool.name for tool in selectors.equipment_of(demo).tools().all()]
    assert names == ["calculator", "current_datetime", "read_result", "resolve_date"]


def test_an_agent_with_a_real_model_comes_before_the_demo(demo: Agent) -> None:
    real = Agent.objects.create(slug="real", name="Real", model="openai/x")

    assert selectors.default_agent() == real


def test_an_agent_that_is_switched_off_answers_nobody(demo: Agent) -> None:
    Agent.objects.update(active=False)

    with pytest.raises(NoSuchAgent, match="no active agent 'demo'"):
        selectors.active_agent("demo")
    with pytest.raises(NoSuchAgent):
        selectors.default_agent()


def test_each_key_gets_an_agent_once(
    demo: Agent, model_server: tuple[str, StandIn], settings: Settings
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    settings.LLM_ENDPOINTS = {"openai": (model_server[0], ""), "ollama": (nobody, "")}
    settings.ANTHROPIC_API_KEY = "key"

    made = {agent.slug: agent.model for agent in seed_agents()}

    assert made == {
        "openai": "openai/stand-in",
        "anthropic": f"anthropic/{settings.ANTHROPIC_MODEL}",
    }
    assert seed_agents() == []
    Agent.objects.get(slug="openai").delete()
    assert seed_agents() == []


def test_a_model_of_the_settings_comes_first(demo: Agent, settings: Settings) -> None:
    settings.LLM_ENDPOINTS = {"openai": ("http://127.0.0.1:1/v1", "")}
    settings.OPENAI_MODEL = "mine"

    assert [agent.model for agent in seed_agents()] == ["openai/mine"]


@pytest.mark.parametrize("temperature", [-0.1, 2.1])
def test_a_temperature_out_of_range_is_refused(demo: Agent, temperature: float) -> None:
    demo.temperature = temperature
    with pytest.raises(ValidationError):
        demo.full_clean()


def form(**changes: Any) -> dict[str, Any]:
    fields = {"name": "Helper", "slug": "helper", "model": "demo/x", "active": "on"}
    return {**fields, "tools": ["calculator"], "max_tool_iterations": 10, **changes}


def test_an_agent_is_made_in_the_admin(client: Client, owner: User) -> None:
    client.force_login(owner)
    page = client.get("/admin/agents/agent/add/")
    assert b"Work out an arithmetic expression" in page.content

    client.post("/admin/agents/agent/add/", form(system_prompt="Be kind.", temperature="0.3"))

    agent = Agent.objects.get(slug="helper")
    assert (agent.tools, agent.system_prompt) == (["calculator"], "Be kind.")
    assert agent.config.temperature == 0.3


def test_every_setting_of_an_agent_reaches_its_model(client: Client, owner: User) -> None:
    client.force_login(owner)
    settings = {
        "max_tokens": 500,
        "top_p": "0.9",
        "top_k": 20,
        "num_ctx": 4_096,
        "reasoning_effort": "high",
        "seed": 7,
        "stop_texts": "END\n\nSTOP\n",
        "max_tool_iterations": 3,
        "fallback_models": "demo/assistant\nopenai/x",
    }

    client.post("/admin/agents/agent/add/", form(**settings))

    agent = Agent.objects.get(slug="helper")
    assert agent.config.model_dump(exclude_none=True) == {
        "max_tokens": 500,
        "top_p": 0.9,
        "top_k": 20,
        "num_ctx": 4_096,
        "reasoning_effort": "high",
        "seed": 7,
        "stop": ("END", "STOP"),
        "max_tool_iterations": 3,
    }
    assert agent.fallbacks == ("demo/assistant", "openai/x")
    refused = client.post(
        "/admin/agents/agent/add/", form(slug="other", stop_texts="1\n2\n3\n4\n5")
    )
    assert b"models take 4 at most" in refused.content


def test_a_tool_that_does_not_exist_can_not_be_chosen(client: Client, owner: User) -> None:
    client.force_login(owner)

    page = client.post("/admin/agents/agent/add/", form(tools=["rm"]))

    assert b"rm is not one of the available choices" in page.content
    assert not Agent.objects.filter(slug="helper").exists()


def test_a_slug_stays_as_it_is(client: Client, owner: User, demo: Agent) -> None:
    client.force_login(owner)

    client.post(f"/admin/agents/agent/{demo.pk}/change/", form(slug="other", name="Renamed"))

    demo.refresh_from_db()
    assert (demo.slug, demo.name) == ("demo", "Renamed")
