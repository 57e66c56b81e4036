"""A thread's plan, its agent's files and long results, kept from answer to answer."""

import json

import pytest
from pytest_django import Settings

from agents import selectors as agents
from agents.models import Agent
from agents.tools import tool
from agents.tools.registry import registry
from chat import gateway, history, plans
from chat.models import Thread
from tests.chat.talk import ask
from tests.support.stand_in import StandIn, script

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

TOOLS = ["append_task", "start_task", "tell_user", "write_file", "read_file"]


@pytest.fixture
def thread(scripted_thread: Thread) -> Thread:
    """A thread whose agent plans, tells and writes."""
    Agent.objects.filter(slug="scripted").update(tools=TOOLS)
    return scripted_thread


def calling(tool_name: str, **arguments: object) -> str:
    return script(calls=[{"name": tool_name, "arguments": json.dumps(arguments)}])


def descriptions(thread: Thread) -> list[str]:
    now = Thread.objects.get(id=thread.id)
    return [f"{task.id} {task.description} {task.status}" for task in plans.of(now).tasks]


def test_a_plan_is_kept_from_answer_to_answer(thread: Thread) -> None:
    ask(thread, calling("append_task", description="Read"))
    ask(thread, calling("append_task", description="Write"))
    ask(thread, calling("start_task", task_id=1))

    assert descriptions(thread) == ["1 Read in_progress", "2 Write pending"]
    steps = [step for entry in history.of(thread).entries for step in entry.steps]
    plan = [step.result for step in steps if step.name == "Plan"]
    assert plan[-1] == "▶ 1. Read\n☐ 2. Write"


def test_a_fork_goes_on_with_the_plan_of_then(thread: Thread) -> None:
    ask(thread, calling("append_task", description="Read"))
    fork = gateway.fork(thread, actor="user:1")
    ask(thread, calling("append_task", description="Write"))

    assert descriptions(fork) == ["1 Read pending"]
    ask(fork, calling("append_task", description="Sing"))
    again = gateway.fork(fork, actor="user:1")
    assert descriptions(again) == ["1 Read pending", "2 Sing pending"]
    assert descriptions(thread) == ["1 Read pending", "2 Write pending"]


def test_a_notice_stands_among_the_steps(thread: Thread) -> None:
    ask(thread, calling("tell_user", message="Half of it is done."))

    steps = [step for entry in history.of(thread).entries for step in entry.steps]
    (notice,) = [step for step in steps if step.name == "Notice"]
    assert (notice.result, notice.opened) == ("Half of it is done.", True)


def test_each_agent_has_files_of_its_own(thread: Thread, settings: Settings) -> None:
    ask(thread, calling("write_file", path="a.txt", content="mine"))

    mine = agents.workspace_of(Agent.objects.get(slug="scripted"))
    assert mine.read("a.txt") == b"mine"
    assert mine.root.is_relative_to(settings.DATA_DIR)
    assert not agents.workspace_of(Agent(slug="other")).exists("a.txt")


@tool
def read_book() -> str:
    """Read a book."""
    return "".join(f"{number:06} " for number in range(6_000))


def test_a_long_result_is_kept_and_read_in_parts(
    thread: Thread, scripted: tuple[Agent, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._tools, "read_book", read_book)  # noqa: SLF001
    Agent.objects.filter(slug="scripted").update(tools=["read_book"])
    ask(thread, calling("read_book"))
    (cut,) = (m["content"] for m in scripted[1].requests[-1]["messages"] if m["role"] == "tool")
    begin, _, note = cut.partition("\n[cut: 22000 more characters; read_result goes on with name=")
    name = note[1:33]
    assert note[33:] == "', first_character=20000]"

    ask(thread, calling("read_result", name=name, first_character=20_000))
    ask(thread, calling("read_result", name=name, first_character=35_000))

    results = [m["content"] for m in scripted[1].requests[-1]["messages"] if m["role"] == "tool"]
    middle, _, more = results[1].partition("\n[")
    assert more == "7000 more characters; go on with first_character=35000]"
    assert begin + middle + results[2] == read_book.function()
    ask(thread, calling("read_result", name="nothing"))
    ask(thread, calling("read_result", name=name, first_character=42_000))
    *_, unknown, beyond = [
        m["content"] for m in scripted[1].requests[-1]["messages"] if m["role"] == "tool"
    ]
    assert "No result 'nothing' is kept" in unknown
    assert "none stands at 42000" in beyond
