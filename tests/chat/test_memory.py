"""What an agent remembers of a person: from thread to thread, and no further."""

import json
from typing import Any

import pytest

from agents.errors import ToolError
from agents.models import Agent
from agents.tools import ToolContext
from agents.tools.builtin import memory as memory_tools
from agents.tools.memory import Fact, fitting
from agents.tools.registry import registry
from chat import gateway
from chat.models import Remembered, Thread, User
from tests.chat.talk import ask
from tests.support.stand_in import StandIn, script

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


@pytest.fixture
def model(scripted: tuple[Agent, StandIn]) -> StandIn:
    """The server behind an agent that remembers."""
    names = [tool.name for tool in memory_tools.MEMORY_TOOLS]
    Agent.objects.filter(slug="scripted").update(tools=names)
    return scripted[1]


@pytest.fixture
def thread(scripted_thread: Thread, model: StandIn) -> Thread:
    return scripted_thread


def use(thread: Thread, model: StandIn, tool: str, **arguments: object) -> Any:  # noqa: ANN401
    """Have a thread's agent call a tool; return its result."""
    ask(thread, script(calls=[{"name": tool, "arguments": json.dumps(arguments)}]))
    results = [m["content"] for m in model.requests[-1]["messages"] if m["role"] == "tool"]
    try:
        return json.loads(results[-1])
    except ValueError:
        return results[-1]


def new_thread(owner: User, agent: str = "scripted") -> Thread:
    return gateway.start(owner=owner, agent=agent, actor="user:1")


def facts(found: Any) -> list[str]:  # noqa: ANN401
    return [each["fact"] for each in found["facts"]]


def test_a_fact_is_found_again_in_another_thread(
    thread: Thread, model: StandIn, owner: User
) -> None:
    use(thread, model, "remember", fact="  The cat is called\n Mimi. ")
    use(thread, model, "remember", fact="Lives in Bonn.")

    there = new_thread(owner)

    assert facts(use(there, model, "recall", query="What is the cat's name?")) == [
        "The cat is called Mimi."
    ]
    assert facts(use(there, model, "recall")) == ["The cat is called Mimi.", "Lives in Bonn."]
    assert use(there, model, "remember", fact="lives in bonn.")["note"] == "It was known."
    assert Remembered.objects.count() == 2


def test_a_fact_is_forgotten_from_another_thread(
    thread: Thread, model: StandIn, owner: User
) -> None:
    fact = use(thread, model, "remember", fact="Lives in Bonn.")["id"]

    assert use(new_thread(owner), model, "forget", fact=fact) == "It is forgotten."

    assert facts(use(thread, model, "recall")) == []
    assert "No fact" in use(thread, model, "forget", fact=fact)["error"]
    assert Remembered.objects.get().content == ""


def test_facts_are_one_persons_and_one_agents(
    thread: Thread, model: StandIn, owner: User, stranger: User
) -> None:
    fact = use(thread, model, "remember", fact="Lives in Bonn.")["id"]
    Agent.objects.create(
        slug="other", name="Other", model="openai/stand-in", tools=["recall", "forget"]
    )

    for elsewhere in (new_thread(stranger), new_thread(owner, "other")):
        assert facts(use(elsewhere, model, "recall")) == []
        assert "No fact" in use(elsewhere, model, "forget", fact=fact)["error"]


def test_earlier_conversations_are_searched(
    thread: Thread, model: StandIn, owner: User, stranger: User
) -> None:
    ask(thread, "The train to Köln leaves at nine. " + "x" * 500)
    ask(new_thread(stranger), "The train of somebody else.")

    there = new_thread(owner)
    found = use(there, model, "search_threads", query="köln TRAIN")["messages"]

    assert {each["thread"] for each in found} == {str(thread.id)}
    assert any(each["excerpt"].startswith("The train to Köln") for each in found)
    assert all(len(each["excerpt"]) <= 302 for each in found)
    assert use(there, model, "search_threads", query="train plane")["messages"] == []
    assert "no words" in use(there, model, "search_threads", query="?!")["error"]


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_tools, "MOST_FACTS", 2)
    context = ToolContext()
    remember = registry.get("remember")
    assert remember is not None
    for fact in ("one", "two"):
        remember.call(remember.parse(json.dumps({"fact": fact})), context)

    with pytest.raises(ToolError, match="2 facts are kept"):
        remember.call(remember.parse('{"fact": "three"}'), context)


def test_the_best_facts_come_first() -> None:
    known = [
        Fact(id="00000000-0000-0000-0000-00000000000" + str(n), content=content)  # type: ignore[arg-type]
        for n, content in enumerate(["a red house", "a red car", "a blue car", "nothing"])
    ]

    assert [each.content for each in fitting(known, "red car", count=3)] == [
        "a red car",
        "a blue car",
        "a red house",
    ]
