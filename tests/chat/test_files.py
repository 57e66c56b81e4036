"""Threads as files: what is exported is imported again as it was; ChatGPT's come in as well."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from agents.events import ToolCalled
from agents.models import Agent
from chat import exports, gateway, tree
from chat.chatgpt import converted
from chat.errors import BadImport
from chat.files import ThreadFile, dump, load_files
from chat.models import Message, Run, Thread, User
from tests.chat.talk import ask, kinds, say, work
from tests.support.stand_in import StandIn, script
from tracer import live
from tracer.log import read

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

MOST = 10_000_000


def told(thread: Thread) -> dict[str, Any]:
    """Return an export with ids that are the same for the same tree."""
    content: dict[str, Any] = json.loads(dump([exports.as_file(thread)]))
    places = {message["id"]: place for place, message in enumerate(content["messages"])}
    content["head"] = places[content["head"]]
    for message in content["messages"]:
        message["id"] = places[message["id"]]
        message["parent"] = places.get(message.get("parent"))
    del content["started_at"]
    return content


def again(thread: Thread, owner: User) -> Thread:
    (file,) = load_files(dump([exports.as_file(thread)]).encode(), most_bytes=MOST)
    return gateway.import_thread(file, owner=owner, actor="user:1")


def test_a_thread_comes_back_as_it_was(thread: Thread, owner: User) -> None:
    first = ask(thread, "What is 17*23?")
    ask(thread, "And 2+2?")
    ask(thread, "Other words", place=gateway.Place(replaces=first.message_id))
    gateway.pin(thread, message=first.message_id, pinned=True, actor="user:1")
    gateway.rename(thread, title="Sums", actor="user:1")
    gateway.move_head(Thread.objects.get(), message=first.message_id, actor="user:1")

    back = again(Thread.objects.get(), owner)

    assert told(back) == told(Thread.objects.get(id=thread.id))
    assert back.title == "Sums"
    answer = Message.objects.filter(thread=back, role="assistant").order_by("seq")[0]
    assert answer.run_id is not None
    calls = [e.event for e in read(back.stream, kinds=[ToolCalled.kind])]
    assert [call.name for call in calls if isinstance(call, ToolCalled)] == ["calculator"] * 2
    assert tree.pins_of(back) == {Message.objects.filter(thread=back).order_by("seq")[0].id}


def test_the_imported_goes_on(thread: Thread, owner: User) -> None:
    ask(thread, "What is 17*23?")
    back = again(thread, owner)

    run = ask(back, "And what is 1+1?")

    assert run.state == "completed"
    first = Run.objects.filter(thread=back).order_by("seq")[0]
    again_run = gateway.retry(back, actor="user:1", message=first.answer_id)
    assert Run.objects.get(id=again_run).message_id == first.message_id


def test_a_model_sees_what_was_done_before_the_import(
    scripted: tuple[Agent, StandIn], owner: User
) -> None:
    server = scripted[1]
    thread = gateway.start(owner=owner, agent="scripted", actor="user:1")
    ask(thread, script(calls=[{"name": "calculator", "arguments": '{"expression": "6*7"}'}]))

    back = again(thread, owner)
    ask(back, script(text="Done."))

    sent = server.requests[-1]["messages"]
    assert [message["content"] for message in sent if message["role"] == "tool"]


def test_a_fork_takes_along_what_it_goes_on_from(thread: Thread, owner: User) -> None:
    first = ask(thread, "One")
    ask(thread, "Two")
    forked = gateway.fork(thread, message=first.answer_id, actor="user:1")
    ask(forked, "Three")

    back = again(Thread.objects.get(id=forked.id), owner)

    said = [message.content for message in tree.upwards(back.head) if message.role == "user"]
    assert said == ["Three", "One"]


def test_what_had_not_ended_well_stays_so(scripted: tuple[Agent, StandIn], owner: User) -> None:
    thread = gateway.start(owner=owner, agent="scripted", actor="user:1")
    ask(thread, script(tokens=5, fail="drop", after=3))
    say(thread, "never answered")

    back = again(thread, owner)

    assert list(Run.objects.filter(thread=back).values_list("state", flat=True)) == ["failed"]
    assert Message.objects.filter(thread=back).order_by("-seq")[0].content == "never answered"
    work(back)
    assert Run.objects.filter(thread=back).count() == 1


@pytest.mark.usefixtures("_emptied_redis")
def test_no_worker_is_sent_for_what_was_answered_elsewhere(
    thread: Thread, owner: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    ask(thread, "What is 17*23?")

    with django_capture_on_commit_callbacks(execute=True):
        back = again(thread, owner)

    assert live.connection().llen("celery") == 0
    assert kinds(back).count("run.queued") == 1


def test_an_export_can_be_read(thread: Thread) -> None:
    ask(thread, "Hello there")
    gateway.rename(thread, title="A chat", actor="user:1")

    text = exports.as_markdown(Thread.objects.get())

    assert text.startswith("# A chat\n\n## You · ")
    assert "Hello there" in text
    assert "## demo · " in text


MESSAGE = {"id": "1", "role": "user", "content": "x"}
BAD = {
    "no JSON": b"{",
    "something else": b'{"a": 1}',
    "a list of something else": b"[1]",
    "an empty list": b"[]",
    "too deep": b"[" * 100_000,
    "a message twice": {"messages": [MESSAGE, MESSAGE]},
    "a parent that comes later": {"messages": [{**MESSAGE, "parent": "2"}]},
    "a head that is not there": {"messages": [MESSAGE], "head": "9"},
    "a role that is none": {"messages": [{**MESSAGE, "role": "system"}]},
    "a newer version": {"messages": [], "version": 2},
    "an empty archive": b"PK\x03\x04",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_what_is_no_file_of_threads_is_refused(content: bytes | dict[str, Any]) -> None:
    data = content
    if isinstance(data, dict):
        data = json.dumps({"format": "parley.thread", "version": 1, **data}).encode()

    with pytest.raises(BadImport):
        load_files(data, most_bytes=MOST)


@pytest.mark.parametrize(
    "step",
    [
        {"kind": "thread.started", "data": {}},
        {
            "kind": "tool.approved",
            "data": {"call": "1", "name": "x", "digest": "", "remember": True},
        },
        {"kind": "tool.called", "data": {"call": 1}},
    ],
)
def test_a_file_can_only_say_what_a_conversation_holds(owner: User, step: object) -> None:
    answer = {"id": "2", "parent": "1", "role": "assistant", "content": "y", "steps": [step]}
    file = ThreadFile.model_validate({"messages": [MESSAGE, answer]})
    Agent.objects.get_or_create(slug="demo", defaults={"name": "D", "model": "demo/x"})

    with pytest.raises(BadImport):
        gateway.import_thread(file, owner=owner, actor="user:1")

    assert not Thread.objects.exists()


def node(key: str, parent: str | None, **message: Any) -> dict[str, Any]:
    role, text = message.pop("role", None), message.pop("text", "")
    if role is None:
        return {"id": key, "message": None, "parent": parent}
    content = {"content_type": "text", "parts": [text]}
    return {
        "id": key,
        "parent": parent,
        "message": {"author": {"role": role}, "create_time": 1.7e9, "content": content, **message},
    }


def conversation() -> dict[str, Any]:
    nodes = [
        node("b", "a", role="user", text="Question"),
        node("root", None),
        node("a", "root", role="system", text="hidden"),
        node("t", "b", role="assistant", text="code", recipient="python"),
        node("u", "t", role="tool", text="result"),
        node("c", "u", role="assistant", text="Answer"),
        node("d", "b", role="assistant", text="Other answer"),
        node(
            "v",
            "c",
            role="user",
            text="secret",
            metadata={"is_visually_hidden_from_conversation": True},
        ),
    ]
    mapping = {each["id"]: each for each in nodes}
    return {
        "title": "From elsewhere",
        "create_time": 1.7e9,
        "mapping": mapping,
        "current_node": "v",
    }


def test_conversations_of_chatgpt_come_in(owner: User, demo: Agent) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("conversations.json", json.dumps([conversation(), conversation()]))

    files = load_files(archive.getvalue(), most_bytes=MOST)

    assert len(files) == 2
    thread = gateway.import_thread(files[0], owner=owner, actor="user:1")
    assert thread.title == "From elsewhere"
    said = [message.content for message in tree.upwards(thread.head)]
    assert said == ["Answer", "Question"]
    assert set(Message.objects.values_list("content", flat=True)) == {
        "Question",
        "Answer",
        "Other answer",
    }
    assert {message.created_at.year for message in Message.objects.all()} == {2023}


def test_a_circle_of_nodes_does_no_harm() -> None:
    circle = {"mapping": {"a": node("a", "b", role="user"), "b": node("b", "a", role="user")}}

    assert converted(circle)["messages"] == []


def test_an_archive_does_not_unfold_without_end() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr("conversations.json", b" " * 5_000_000)

    with pytest.raises(BadImport, match="more than 1,000,000 bytes"):
        load_files(archive.getvalue(), most_bytes=1_000_000)


def test_threads_are_exported_and_imported_in_the_terminal(
    thread: Thread, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(thread, "Hello")
    file = tmp_path / "threads.json"

    call_command("threads", "export", "--output", str(file))
    call_command("threads", "import", str(file))

    assert Thread.objects.count() == 2
    call_command("threads", "list")
    assert str(thread.id) in capsys.readouterr().out
    for wrong in (["export", "nonsense"], ["import", str(tmp_path / "nothing")]):
        with pytest.raises(CommandError):
            call_command("threads", *wrong)
    with pytest.raises(CommandError, match="no active person"):
        call_command("threads", "--user", "nobody", "list")


def test_threads_are_exported_and_imported_on_the_page(
    thread: Thread, owner: User, client: Client
) -> None:
    client.force_login(owner)
    ask(thread, "Hello")
    file = client.get(f"/threads/{thread.id}/export/")
    assert "attachment" in file.headers["Content-Disposition"]

    given = io.BytesIO(file.content)
    given.name = "thread.json"
    made = client.post("/threads/import/", {"file": given})

    assert made.status_code == 302
    assert Thread.objects.count() == 2
    assert client.get(made.headers["Location"]).status_code == 200
    nothing = client.post("/threads/import/")
    assert (nothing.status_code, b"Choose a file" in nothing.content) == (422, True)
    broken = io.BytesIO(b"{")
    broken.name = "x.json"
    assert client.post("/threads/import/", {"file": broken}).status_code == 422
