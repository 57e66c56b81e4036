"""MCP servers from the admin to a conversation: accepted tools, changes, and a switch."""

import json
import sys
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from agents import mcp_servers
from agents.models import Agent, McpServer
from chat.models import Message, Thread, User
from tests.chat.talk import ask
from tests.support.installation import ROOT
from tests.support.stand_in import StandIn, script

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

COMMAND = ("/usr/bin/env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.support.mcp_server")


@pytest.fixture
def admin(owner: User, settings: Settings) -> Client:
    """The owner in the admin, with a server's command in the settings."""
    settings.MCP_COMMANDS = {"there": COMMAND}
    client = Client()
    client.force_login(owner)
    return client


def save(admin: Client, **given: str) -> Any:  # noqa: ANN401
    return admin.post("/admin/agents/mcpserver/add/", {"active": "on", **given})


@pytest.fixture
def row(admin: Client) -> McpServer:
    """A server that was set up."""
    assert save(admin, name="There", slug="there").status_code == 302
    return McpServer.objects.get()


def test_a_server_that_is_set_up_is_asked_for_its_tools(row: McpServer, admin: Client) -> None:
    assert [each["name"] for each in row.accepted] == ["add", "end", "fail", "tell.environment"]
    assert (row.problem, row.offered) == ("", row.accepted)
    shown = admin.get(f"/admin/agents/mcpserver/{row.pk}/change/").content.decode()
    assert "<strong>add</strong>: Add two numbers." in shown
    form = admin.get("/admin/agents/agent/add/").content.decode()
    assert "<strong>there__add</strong>: Add two numbers." in form


def test_an_agent_calls_what_it_was_given(
    row: McpServer, scripted: tuple[Agent, StandIn], scripted_thread: Thread
) -> None:
    agent, server = scripted
    agent.tools = ["calculator", "there__add", "there__gone"]
    agent.save()
    calls = [{"name": "there__add", "arguments": json.dumps({"a": 20, "b": 22})}]

    run = ask(scripted_thread, script(calls=calls))

    assert '{"result": 42}' in Message.objects.get(id=run.answer_id).content
    offered = {tool["function"]["name"] for tool in server.requests[0]["tools"]}
    assert offered == {"calculator", "there__add", "read_result"}

    agent.approvals = ["there__add"]
    agent.save()
    assert ask(scripted_thread, script(calls=calls)).state == "waiting"


def test_one_that_is_switched_off_offers_nothing(
    row: McpServer, scripted: tuple[Agent, StandIn], scripted_thread: Thread
) -> None:
    Agent.objects.filter(slug="scripted").update(tools=["there__add"])
    McpServer.objects.update(active=False)

    ask(scripted_thread, "Hello")

    assert "there__add" not in str(scripted[1].requests[0])


def test_what_a_server_changes_waits_until_it_is_accepted(row: McpServer, admin: Client) -> None:
    before = [
        {**row.accepted[0], "description": "Add two numbers, as it was."},
        {**row.accepted[1], "name": "old"},
    ]
    McpServer.objects.update(accepted=before)
    row.refresh_from_db()

    mcp_servers.refresh(row)

    assert row.accepted == before
    changes = mcp_servers.changes(row)
    assert "gone: old" in changes
    assert any(each.startswith("new: fail") for each in changes)
    assert any(
        each == "changed: add, description: 'Add two numbers, as it was.' is now 'Add two numbers.'"
        for each in changes
    )
    names = [tool.name for tool in mcp_servers.all_tools()]
    assert names == ["there__add", "there__old"]
    shown = admin.get(f"/admin/agents/mcpserver/{row.pk}/change/").content.decode()
    assert "gone: old" in shown
    assert "something else than was accepted" in shown

    chosen = {"action": "take_over", "_selected_action": [row.pk]}
    assert admin.post("/admin/agents/mcpserver/", chosen).status_code == 302
    row.refresh_from_db()
    assert (row.accepted, mcp_servers.changes(row)) == (row.offered, [])


def test_one_that_is_not_there_is_kept_with_the_reason(admin: Client) -> None:
    url = "http://127.0.0.1:1/mcp"

    assert save(admin, name="Away", slug="away", url=url).status_code == 302

    row = McpServer.objects.get()
    assert "away can't be reached" in row.problem
    assert row.accepted == []
    chosen = {"action": "ask_again", "_selected_action": [row.pk]}
    assert b"away can" in admin.post("/admin/agents/mcpserver/", chosen, follow=True).content


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"slug": "nowhere"}, "MCP_COMMANDS (there)"),
        ({"slug": "x", "url": "file:///etc/passwd"}, "Enter a valid URL"),
        ({"slug": "x", "url": "http://a.example/mcp", "token_variable": "lower"}, "valid value"),
    ],
)
def test_what_can_not_be_is_refused(admin: Client, given: dict[str, str], message: str) -> None:
    answered = save(admin, name="X", **given)

    assert message in answered.content.decode()
    assert not McpServer.objects.exists()


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIR_TOKEN", "the-token")
    row = McpServer(slug="x", url="http://a.example/mcp", token_variable="THEIR_TOKEN")

    address = mcp_servers.address_of(row)

    assert address.headers == (("Authorization", "Bearer the-token"),)
    assert "the-token" not in repr(address)
    missing = McpServer(slug="x", url="http://a.example/mcp", token_variable="NOT_SET")
    assert mcp_servers.address_of(missing).headers == ()


def test_a_schema_that_is_none_leaves_out_its_tool(row: McpServer) -> None:
    broken = {**row.accepted[0], "parameters": {"type": "nonsense"}}
    McpServer.objects.update(accepted=[broken, row.accepted[1]])

    assert [tool.name for tool in mcp_servers.all_tools()] == ["there__end"]
