"""Tools of MCP servers: the official package on the other side, over HTTP and as a process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from agents.errors import Cancelled, ToolError
from agents.messages import ToolCall
from agents.recording import MemoryRecorder
from agents.tools import ToolContext
from agents.tools import mcp as ours
from agents.tools.collection import Registry
from agents.tools.execution import call_all
from agents.tools.mcp import McpServer, McpTool, RemoteTool, list_tools, name_of, tool_of
from tests.support.installation import ROOT, free_port, wait_until

COMMAND = (sys.executable, "-m", "tests.support.mcp_server")
ENVIRONMENT = (("PYTHONPATH", str(ROOT)), ("SHOWN", "yes"))


@contextmanager
def served(port: int) -> Iterator[None]:
    """Run the server over HTTP."""
    process = subprocess.Popen([*COMMAND, str(port)], cwd=ROOT)  # noqa: S603
    try:
        wait_until(lambda: answers(port), seconds=20, what="the MCP server")
        yield
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/mcp")
    except httpx.TransportError:
        return False
    return True


def over_http(port: int, token: str = "the-token") -> McpServer:  # noqa: S107  (no secret)
    headers = (("Authorization", f"Bearer {token}"),)
    return McpServer("there", url=f"http://127.0.0.1:{port}/mcp", headers=headers)


@pytest.fixture(scope="module", params=["http", "stdio"])
def server(request: pytest.FixtureRequest) -> Iterator[McpServer]:
    """The server, one way and the other."""
    if request.param == "stdio":
        yield McpServer("there", command=COMMAND, environment=ENVIRONMENT)
        return
    port = free_port()
    with served(port):
        yield over_http(port)


def tools(server: McpServer) -> dict[str, McpTool]:
    found = [tool_of(server, each) for each in list_tools(server)]
    return {tool.name: tool for tool in found}


def call(tool: McpTool, arguments: str) -> object:
    return tool.call(tool.parse(arguments), ToolContext())


def test_its_tools_are_listed_with_names_of_ours(server: McpServer) -> None:
    found = tools(server)

    assert list(found) == ["there__add", "there__end", "there__fail", "there__tell_environment"]
    add = found["there__add"]
    assert add.description == "Add two numbers."
    assert add.idempotent
    assert not found["there__fail"].idempotent
    properties = add.parameters["properties"]
    assert isinstance(properties, dict)
    assert properties["b"] == {
        "description": "The other one.",
        "default": 1,
        "minimum": 0,
        "title": "B",
        "type": "integer",
    }


def test_a_tool_is_called(server: McpServer) -> None:
    add = tools(server)["there__add"]

    assert call(add, '{"a": 2, "b": 3}') == {"result": 5}
    assert call(add, '{"a": 2}') == {"result": 3}


def test_calls_at_once_share_a_connection(server: McpServer) -> None:
    found = tools(server)
    calls = [ToolCall(id=str(n), name="there__add", arguments=f'{{"a": {n}}}') for n in range(20)]

    turns = call_all(
        calls,
        tools=Registry(found.values()),
        context=ToolContext(),
        recorder=MemoryRecorder(),
    )

    assert [turn.content for turn in turns] == [f'{{"result": {n + 1}}}' for n in range(20)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "'a' is a required property"),
        ('{"a": "x"}', "a: 'x' is not of type 'integer'"),
        ('{"a": 1, "b": -1}', "b: -1 is less than the minimum"),
    ],
)
def test_bad_arguments_do_not_reach_it(server: McpServer, arguments: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        tools(server)["there__add"].parse(arguments)


def test_what_it_says_of_a_failure_is_passed_on(server: McpServer) -> None:
    found = tools(server)

    with pytest.raises(ToolError, match="no such luck"):
        call(found["there__fail"], '{"reason": "no such luck"}')
    unknown = replace(found["there__add"], remote="missing")
    with pytest.raises(ToolError, match="missing"):
        call(unknown, '{"a": 1}')
    assert call(found["there__add"], '{"a": 1}') == {"result": 2}


def test_a_process_has_the_environment_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDEN", "secret")
    server = McpServer("there", command=COMMAND, environment=ENVIRONMENT)
    tell = tools(server)["there__tell_environment"]

    assert "SHOWN=yes" in str(call(tell, '{"name": "SHOWN"}'))
    assert "HIDDEN=None" in str(call(tell, '{"name": "HIDDEN"}'))


def test_a_process_that_ends_in_a_call_is_started_anew() -> None:
    server = McpServer("there", command=COMMAND, environment=(*ENVIRONMENT, ("N", "1")))
    found = tools(server)
    before = call(found["there__tell_environment"], '{"name": "N"}')

    with pytest.raises(ToolError, match="Nobody knows whether it took effect"):
        call(found["there__end"], "{}")

    after = call(found["there__tell_environment"], '{"name": "N"}')
    assert before != after


def test_a_server_that_comes_back_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "CHECK_SECONDS", 0.0)
    port = free_port()
    server = over_http(port)
    with served(port):
        add = tools(server)["there__add"]
        assert call(add, '{"a": 1}') == {"result": 2}

    with pytest.raises(ToolError, match=r"can.t be reached|was lost"):
        call(add, '{"a": 1}')

    with served(port):
        assert call(add, '{"a": 1}') == {"result": 2}


@pytest.mark.parametrize(
    "server",
    [
        McpServer("there", url="http://127.0.0.1:1/mcp"),
        McpServer("there", command=("/nowhere/at-all",)),
        McpServer("there", command=(sys.executable, "-c", "print('no server')")),
    ],
    ids=["address", "command", "program"],
)
def test_one_that_is_not_there_is_said(server: McpServer) -> None:
    with pytest.raises(ToolError, match="there can't be reached"):
        list_tools(server)


def test_one_that_wants_another_token_is_said() -> None:
    port = free_port()
    with served(port), pytest.raises(ToolError, match="there can't be reached"):
        list_tools(over_http(port, token="another"))


def test_stop_ends_a_call(server: McpServer) -> None:
    context = ToolContext()
    add = tools(server)["there__add"]
    context.cancellation.cancel()

    with pytest.raises(Cancelled):
        add.call(add.parse('{"a": 1}'), context)

    assert call(add, '{"a": 1}') == {"result": 2}


def test_names_and_schemas_that_are_strange() -> None:
    assert name_of("a-b", "x.y/z ü") == "a-b__x_y_z__"
    assert len(name_of("a", "x" * 100)) == 64
    with pytest.raises(ValueError, match="no JSON Schema"):
        tool_of(McpServer("there"), RemoteTool(name="x", parameters={"type": "nonsense"}))
    assert "secret" not in repr(McpServer("x", headers=(("Authorization", "secret"),)))
