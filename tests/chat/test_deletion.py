"""Deleting a thread for good: what it held is gone everywhere, that it was there is not."""

import json

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from agents.artifacts import StoredArtifacts
from agents.events import MemoryUpdated, ToolReturned
from agents.models import Artifact
from chat import gateway
from chat.errors import HasForks, NoSuchThread, RunActive
from chat.models import Message, Remembered, Run, Thread, User
from tests.chat.talk import ask, kinds, say
from tracer.events import Purged
from tracer.log import append, read
from tracer.models import TraceEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def test_a_deleted_thread_leaves_only_that_it_was(thread: Thread) -> None:
    ask(thread, "A secret: 17*23")
    before = kinds(thread)

    gateway.delete(thread, actor="user:1")

    assert not Thread.objects.exists()
    assert not Message.objects.exists()
    assert not Run.objects.exists()
    assert kinds(thread) == [*before, "thread.deleted"]
    entries = list(read(thread.stream))
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert all(isinstance(entry.event, Purged) for entry in entries[:-1])
    assert "secret" not in json.dumps(list(TraceEvent.objects.values_list("data", flat=True)))
    with pytest.raises(NoSuchThread):
        gateway.delete(thread, actor="user:1")


def test_nothing_comes_into_a_thread_that_is_gone(thread: Thread) -> None:
    gateway.delete(thread, actor="user:1")

    with pytest.raises(NoSuchThread):
        say(thread, "Hello?")
    with pytest.raises(NoSuchThread):
        gateway.rename(thread, title="x", actor="user:1")
    with pytest.raises(NoSuchThread):
        gateway.fork(thread, actor="user:1")
    assert kinds(thread)[-1] == "thread.deleted"


def test_a_thread_with_a_run_or_a_fork_stays(thread: Thread) -> None:
    run = ask(thread, "Hello")
    fork = gateway.fork(thread, message=run.answer_id, actor="user:1")
    with pytest.raises(HasForks):
        gateway.delete(thread, actor="user:1")
    say(fork, "Hello again")
    with pytest.raises(RunActive):
        gateway.delete(fork, actor="user:1")

    gateway.stop(fork, actor="user:1")
    gateway.delete(fork, actor="user:1")
    gateway.delete(thread, actor="user:1")

    assert not Thread.objects.exists()


def remember(thread: Thread, run: Run, **what: object) -> None:
    event = MemoryUpdated.model_validate({"run": run.id, **what})
    append(thread.stream, event, actor="agent:demo", correlation_id=run.id)


def test_what_agents_kept_of_it_is_forgotten(thread: Thread, owner: User) -> None:
    """Facts go with the thread they come from, in whichever order they were forgotten."""
    ids = ["00000000-0000-4000-8000-00000000000" + number for number in "1234"]
    other = gateway.start(owner=owner, agent="demo", actor="user:1")
    here, there = ask(thread, "x"), ask(other, "y")
    remember(thread, here, memory=ids[0], content="only here")
    remember(thread, here, memory=ids[1], content="here, forgotten there")
    remember(other, there, memory=ids[1], forgotten=True)
    remember(other, there, memory=ids[2], content="there, forgotten here")
    remember(thread, here, memory=ids[2], forgotten=True)
    remember(other, there, memory=ids[3], content="only there")

    gateway.delete(thread, actor="user:1")

    left = dict(Remembered.objects.values_list("content", "forgotten"))
    assert left == {"": True, "only there": False}
    assert Remembered.objects.filter(forgotten=True).count() == 3


def test_long_results_go_unless_somebody_else_has_them(thread: Thread, owner: User) -> None:
    other = gateway.start(owner=owner, agent="demo", actor="user:1")
    mine, common = (StoredArtifacts().keep(text * 50_000) for text in "mc")
    for where, names in ((thread, (mine, common)), (other, (common,))):
        run = ask(where, "x")
        for name in names:
            result = f"The beginning … read on with read_result {name}"
            event = ToolReturned(run=run.id, call="c", name="t", result=result)
            append(where.stream, event, actor="agent:demo", correlation_id=run.id)

    gateway.delete(thread, actor="user:1")

    assert list(Artifact.objects.values_list("name", flat=True)) == [common]


def test_it_is_deleted_on_the_page_after_a_question(
    thread: Thread, owner: User, client: Client
) -> None:
    client.force_login(owner)
    page = f"/threads/{thread.id}/delete/"

    assert b"for good" in client.get(page).content
    assert Thread.objects.exists()
    say(thread, "x")
    busy = client.post(page)
    assert (busy.status_code, b"still on its way" in busy.content) == (422, True)
    gateway.stop(thread, actor="user:1")
    assert client.post(page).headers["Location"] == "/"
    assert client.get(f"/threads/{thread.id}/").status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        'data = \'{"content": "x"}\'',
        "data = '{\"purged\": true}', seq = 99",
        "data = '{\"purged\": true}', kind = 'x'",
        "data = '{\"purged\": true}', actor = 'x'",
        "data = '{\"purged\": true}', at = '2020-01-01 00:00:00'",
    ],
)
def test_the_database_lets_nothing_through_but_emptying(thread: Thread, change: str) -> None:
    before = list(TraceEvent.objects.values())

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE tracer_traceevent SET {change}")  # noqa: S608  (named above)

    assert list(TraceEvent.objects.values()) == before
