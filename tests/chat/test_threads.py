"""Threads: started, named, put away, given to another agent."""

from uuid import uuid4

import pytest

from agents.errors import NoSuchAgent
from agents.models import Agent
from chat import gateway, selectors, tasks
from chat.errors import BadRequest, NoSuchThread, NotYours
from chat.models import Thread, User
from tests.chat.talk import ask, kinds, say
from tests.support.stand_in import StandIn

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def test_a_thread_without_an_agent_has_the_default_one(owner: User, demo: Agent) -> None:
    thread = gateway.start(owner=owner, actor="user:1", title="  My   thread ")

    assert (thread.agent, thread.title, thread.owner) == ("demo", "My thread", owner)
    with pytest.raises(NoSuchAgent):
        gateway.start(owner=owner, agent="nobody", actor="user:1")


def test_changes_are_events(thread: Thread) -> None:
    Agent.objects.create(slug="other", name="Other", model="demo/x")

    gateway.rename(thread, title="New", actor="user:1")
    gateway.change_agent(thread, agent="other", actor="user:1")
    gateway.archive(thread, actor="user:1")
    thread.refresh_from_db()

    assert (thread.title, thread.agent, thread.state) == ("New", "other", "archived")
    assert kinds(thread)[1:] == ["thread.renamed", "thread.agent_changed", "thread.archived"]
    gateway.archive(thread, actor="user:1")
    gateway.restore(thread, actor="user:1")
    assert kinds(thread)[4:] == ["thread.restored"]


@pytest.mark.parametrize("title", ["", "  ", "x" * 201])
def test_a_title_has_1_to_200_characters(thread: Thread, title: str) -> None:
    with pytest.raises(BadRequest):
        gateway.rename(thread, title=title, actor="user:1")

    assert kinds(thread) == ["thread.started"]


def test_a_thread_is_seen_by_its_owner_alone(thread: Thread, stranger: User) -> None:
    assert selectors.thread_for(thread.owner, thread.id) == thread
    assert list(selectors.threads_of(stranger)) == []
    with pytest.raises(NotYours):
        selectors.thread_for(stranger, thread.id)
    with pytest.raises(NoSuchThread):
        selectors.thread_for(stranger, uuid4())


def test_the_agent_names_a_thread_after_its_first_answer(thread: Thread) -> None:
    run = ask(thread, "Tell me about the long and winding road to Dover please")

    tasks.name_thread(thread_id=str(thread.id), run_id=str(run.id))
    tasks.name_thread(thread_id=str(thread.id), run_id=str(run.id))

    thread.refresh_from_db()
    assert thread.title == "Tell me about the long and"
    assert kinds(thread).count("thread.renamed") == 1


def test_a_title_that_is_there_stays(thread: Thread) -> None:
    run = ask(thread, "Hello")
    gateway.rename(thread, title="Mine", actor="user:1")

    tasks.name_thread(thread_id=str(thread.id), run_id=str(run.id))

    thread.refresh_from_db()
    assert thread.title == "Mine"


def test_without_the_model_a_thread_is_named_by_how_it_begins(
    scripted_thread: Thread, scripted: tuple[Agent, StandIn]
) -> None:
    receipt = say(scripted_thread, "word " * 40)
    Agent.objects.filter(slug="scripted").update(active=False)

    tasks.name_thread(thread_id=str(scripted_thread.id), run_id=str(receipt.run))

    scripted_thread.refresh_from_db()
    assert scripted_thread.title.startswith("word word")
    assert scripted_thread.title.endswith("word…")
    assert len(scripted_thread.title) <= 81
