"""Parley as an MCP server, with the official client on the other side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.acceptance.talker import Talker
from tests.support.installation import Installation
from tests.support.stand_in import script

OFFER = """
from agents.models import Agent
more = {"name": "Helper", "description": "Helps.", "model": "openai/stand-in", "over_mcp": True}
Agent.objects.get_or_create(slug="helper", defaults=more)
more = {"name": "Asker", "model": "openai/stand-in", "over_mcp": True, "tools": ["ask_user"]}
Agent.objects.get_or_create(slug="mcp-asker", defaults=more)
"""


@pytest.fixture(autouse=True, scope="module")
def _offered(parley: Installation) -> None:
    assert parley.command("shell", "-c", OFFER).returncode == 0


@asynccontextmanager
async def client(parley: Installation, key: str, *, mode: str = "auto") -> AsyncIterator[Client]:
    """Connect the official client, with a key."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(f"{parley.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as connected:
            yield connected


def text(result: Any) -> str:  # noqa: ANN401  (the package's own)
    return "".join(each.text for each in result.content)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_tools_and_agents_are_offered_and_called(
    parley: Installation, key: str, mode: str
) -> None:
    async with client(parley, key, mode=mode) as mcp:
        listed = {tool.name: tool for tool in (await mcp.list_tools()).tools}
        result = await mcp.call_tool("calculator", {"expression": "6*7"})

    assert {"calculator", "current_datetime", "ask_helper", "ask_mcp_asker"} == set(listed)
    assert "Helps." in str(listed["ask_helper"].description)
    assert '"result": 42' in text(result)
    assert not result.is_error


async def test_an_agent_answers_in_a_conversation(parley: Installation, key: str) -> None:
    async with client(parley, key) as mcp:
        first = await mcp.call_tool("ask_helper", {"message": script(tokens=200, per_second=400)})
        thread = first.structured_content["thread"]
        second = await mcp.call_tool("ask_helper", {"message": "And on.", "thread": thread})

    assert first.structured_content["state"] == "completed"
    assert text(first).startswith("0:plain ")
    assert text(second) == "You said: And on."
    assert second.structured_content["thread"] == thread
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
        answered = await http.get(f"{parley.url}/api/v1/threads/{thread}/messages")
    said = answered.json()
    assert [(each["role"], each["channel"]) for each in said["items"]][::2] == [
        ("user", "mcp"),
        ("user", "mcp"),
    ]


async def test_what_goes_wrong_is_said(parley: Installation, key: str, talker: Talker) -> None:
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("missing", {}, "no tool 'missing'"),
        ("calculator", {"expression": "1/0"}, "Division by zero"),
        ("calculator", {}, "expression"),
        ("ask_helper", {"message": ""}, "empty"),
        ("ask_helper", {"message": "x", "thread": "nonsense"}, "no such thread"),
        ("ask_helper", {"message": "x", "thread": str(uuid4())}, "no such thread"),
        ("ask_helper", {"message": script(fail="500")}, "has failed"),
    ]
    async with client(parley, key) as mcp:
        for name, arguments, message in wrong:
            result = await mcp.call_tool(name, arguments)
            assert result.is_error, name
            assert message in text(result)


async def test_an_agent_that_waits_for_a_person_says_so(parley: Installation, key: str) -> None:
    calls = [{"name": "ask_user", "arguments": '{"user_request": "Which?"}'}]
    async with client(parley, key) as mcp:
        result = await mcp.call_tool("ask_mcp_asker", {"message": script(calls=calls)})

    assert result.structured_content["state"] == "waiting"
    assert "waits for a person" in text(result)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Origin": "https://elsewhere.example"}],
    ids=["no key", "a wrong key", "another page"],
)
def test_nobody_else_gets_in(parley: Installation, key: str, headers: dict[str, str]) -> None:
    if "Origin" in headers:
        headers = {**headers, "Authorization": f"Bearer {key}"}

    answered = httpx.post(f"{parley.url}/mcp", json={}, headers=headers)

    assert answered.status_code == 401
    assert answered.json()["code"] == "unauthorized"


def test_what_is_too_large_is_refused(parley: Installation, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json, text/event-stream"}

    answered = httpx.post(f"{parley.url}/mcp", json={"x": "x" * 500_000}, headers=headers)

    assert answered.status_code == 413
