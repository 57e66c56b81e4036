"""What is asked of the database: nothing looks at a whole thread, or at everybody's events."""

import pytest
from django.db import connection
from django.test import Client

from agents.models import Agent
from chat import gateway, leases, tasks
from chat.models import Message, Run, Thread, User
from tests.chat.talk import ask, say, work
from tests.support.queries import of_everything
from tests.support.stand_in import script

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="asks SQLite for its plans"),
]

TASK = '{"description": "Read"}'


def test_it_sees_what_is_slow(thread: Thread) -> None:
    with of_everything() as slow:
        list(Message.objects.filter(thread=thread))
        list(Run.objects.filter(agent="x"))
        list(Message.objects.filter(thread=thread, seq__gt=5))

    assert len(slow) == 2


def test_a_message_and_its_answer(scripted_thread: Thread) -> None:
    ask(scripted_thread, "one")
    run = ask(scripted_thread, "two")

    with of_everything() as slow:
        say(scripted_thread, "three")
        work(scripted_thread)
        gateway.retry(scripted_thread, actor="user:1", message=run.message_id)
        work(scripted_thread)
        say(scripted_thread, "zwei", place=gateway.Place(replaces=run.message_id))
        work(scripted_thread)

    assert slow == []


def test_an_answer_with_tools(scripted_thread: Thread) -> None:
    Agent.objects.update(model="demo/assistant", tools=["calculator"])
    ask(scripted_thread, "6*7?")

    with of_everything() as slow:
        ask(scripted_thread, "7*8?")

    assert slow == []


def test_a_fork_goes_on(client: Client, owner: User, scripted_thread: Thread) -> None:
    Agent.objects.filter(slug="scripted").update(tools=["append_task"])
    ask(scripted_thread, script(calls=[{"name": "append_task", "arguments": TASK}]))
    run = ask(scripted_thread, "one")
    scripted_thread.refresh_from_db()
    fork = gateway.fork(scripted_thread, seq=run.seq + 4, actor="user:1")
    client.force_login(owner)

    with of_everything() as slow:
        ask(fork, "two")
        assert client.get(f"/threads/{fork.id}/").status_code == 200
        assert client.get(f"/threads/{fork.id}/at/3/").status_code == 200

    assert slow == []


def test_what_was_edited(client: Client, owner: User, scripted_thread: Thread) -> None:
    run = ask(scripted_thread, "one")
    gateway.edit(Message.objects.get(id=run.message_id), content="uno", actor="user:1")
    client.force_login(owner)

    with of_everything() as slow:
        ask(scripted_thread, "two")
        assert client.get(f"/threads/{scripted_thread.id}/").status_code == 200
        assert client.get(f"/threads/{scripted_thread.id}/at/5/").status_code == 200

    assert slow == []


def test_who_looks_all_the_time(scripted_thread: Thread) -> None:
    ask(scripted_thread, "one")

    with of_everything() as slow:
        tasks.resume_abandoned()
        tasks.resume_runs()
        tasks.deliver_due()
        leases.renew()

    assert slow == []


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/threads/{id}/",
        "/threads/{id}/at/6/",
        "/api/v1/threads",
        "/api/v1/threads/{id}",
        "/api/v1/threads/{id}/messages",
        "/api/v1/threads/{id}/events?after=3",
        "/api/v1/threads/{id}/at/6",
        "/api/v1/threads/{id}/pins",
    ],
)
def test_pages_and_rest(client: Client, owner: User, scripted_thread: Thread, address: str) -> None:
    ask(scripted_thread, "one")
    ask(scripted_thread, "two")
    client.force_login(owner)
    with of_everything() as slow:
        response = client.get(address.format(id=scripted_thread.id))

    assert response.status_code == 200
    assert slow == []
