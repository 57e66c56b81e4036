"""What has happened, looked up: by thread, run, kind, agent and time; page by page."""

import re
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pydantic import BaseModel

from agents.models import Agent
from chat import credentials, gateway
from chat.models import Thread, User
from tests.chat.talk import ask, kinds
from tracer.models import TraceEvent

Json: TypeAlias = Any

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


@pytest.fixture
def api(owner: User, demo: Agent) -> Client:
    key = credentials.create_api_key(name="test", user=owner)
    return Client(headers={"Authorization": f"Bearer {key}"})


def events(api: Client, **query: Json) -> list[Json]:
    response = api.get("/api/v1/events", query)
    assert response.status_code == 200, response.content
    found: list[Json] = response.json()["items"]
    return found


def test_events_are_found_by_what_they_are(api: Client, thread: Thread, owner: User) -> None:
    run = ask(thread, "What is 17*23?")
    other = gateway.start(owner=owner, agent="demo", actor="user:1")
    middle = timezone.now()
    ask(other, "Hello")

    own = events(api, stream=thread.stream, limit=200)
    assert [event["kind"] for event in own][::-1] == kinds(thread)
    assert [event["seq"] for event in own] == list(range(len(own), 0, -1))
    of_run = events(api, correlation_id=str(run.id), limit=200)
    assert {event["correlation_id"] for event in of_run} == {str(run.id)}
    two = events(api, kind=["tool.called", "tool.returned"])
    assert [event["kind"] for event in two] == ["tool.returned", "tool.called"]
    assert events(api, agent="nobody") == []
    assert {event["data"].get("agent") for event in events(api, agent="demo")} >= {"demo"}
    late = events(api, **{"from": middle.isoformat()})
    assert {event["stream"] for event in late} == {other.stream}
    early = events(api, to=middle.isoformat(), limit=200)
    assert len(early) + len(late) == TraceEvent.objects.count()
    assert events(api, stream=f"thread:{uuid4()}") == []


def test_pages_follow_each_other_without_a_gap(api: Client, thread: Thread) -> None:
    for number in range(4):
        ask(thread, f"Message {number}")
    found: list[Json] = []
    cursor: str | None = None

    while cursor is not None or not found:
        query = {"limit": "7", **({"cursor": cursor} if cursor else {})}
        page = api.get("/api/v1/events", query).json()
        found += page["items"]
        cursor = page["next"]
        if cursor and len(found) == 7:  # what comes meanwhile shifts nothing
            gateway.rename(thread, title="Meanwhile", actor="user:1")

    places = [(event["stream"], event["seq"]) for event in found]
    assert places == sorted(places, reverse=True)
    assert len(set(places)) == len(places) == TraceEvent.objects.count() - 1


@pytest.mark.parametrize("cursor", ["x", "W10", "WzFd", "bnVsbA", "WyJ4IiwgInkiLCAieiJd", "Ü"])
def test_a_cursor_that_is_not_ours_is_refused(api: Client, cursor: str) -> None:
    for path in ("events", "threads", "agents"):
        refused = api.get(f"/api/v1/{path}", {"cursor": cursor})
        assert refused.status_code in {200, 422}
        if refused.status_code == 422:
            assert refused.json()["code"] == "bad_cursor"


def test_threads_are_filtered_and_paged(api: Client, owner: User, demo: Agent) -> None:
    for number in range(5):
        gateway.start(owner=owner, title=f"Trip {number}", actor="user:1")
    put_away = gateway.start(owner=owner, title="Old trip", actor="user:1")
    gateway.archive(put_away, actor="user:1")

    first = api.get("/api/v1/threads", {"state": "active", "limit": "3"}).json()
    rest = api.get(
        "/api/v1/threads", {"state": "active", "limit": "3", "cursor": first["next"]}
    ).json()

    titles = [each["title"] for each in (*first["items"], *rest["items"])]
    assert titles == [f"Trip {number}" for number in (4, 3, 2, 1, 0)]
    assert rest["next"] is None
    found = api.get("/api/v1/threads", {"title": "OLD"}).json()["items"]
    assert [each["title"] for each in found] == ["Old trip"]
    assert api.get("/api/v1/threads", {"agent": "other"}).json()["items"] == []
    later = (timezone.now() + timedelta(hours=1)).isoformat()
    assert api.get("/api/v1/threads", {"updated_after": later}).json()["items"] == []


def test_a_thread_is_changed_all_or_nothing(api: Client, thread: Thread) -> None:
    def patch(body: Json) -> Json:
        path = f"/api/v1/threads/{thread.id}"
        return api.patch(path, body, content_type="application/json")

    changed = patch({"title": "New", "state": "archived"})
    assert (changed.status_code, changed.json()["title"]) == (200, "New")
    assert changed.json()["state"] == "archived"
    assert patch({"state": "active"}).json()["state"] == "active"

    refused = patch({"title": "Newer", "agent": "nobody"})

    assert (refused.status_code, refused.json()["code"]) == (422, "no_such_agent")
    assert Thread.objects.get().title == "New"
    assert patch({"head": str(uuid4())}).status_code == 404
    assert patch({"title": " "}).status_code == 422
    assert patch({}).status_code == 200


def test_the_same_key_gives_the_same_thread(api: Client, thread: Thread) -> None:
    def post(path: str, body: Json, key: str) -> Json:
        headers = {"Idempotency-Key": key}
        path = f"/api/v1/threads{path}"
        return api.post(path, body, content_type="application/json", headers=headers)

    first, second = post("", {"title": "A"}, "k"), post("", {"title": "A"}, "k")
    assert first.json()["id"] == second.json()["id"]
    assert post("", {"title": "B"}, "k").json()["code"] == "key_reused"
    assert post("", {"title": "A"}, "k2").json()["id"] != first.json()["id"]
    fork = f"/{thread.id}/fork"
    assert post(fork, {}, "k").json()["id"] == post(fork, {}, "k").json()["id"]
    messages = f"/{thread.id}/messages"
    assert post(messages, {"content": "x"}, "m").status_code == 202
    reused = post(messages, {"content": "y"}, "m")
    assert (reused.status_code, reused.json()["code"]) == (422, "key_reused")


def trace(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("trace", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_terminal_shows_what_happened(thread: Thread) -> None:
    run = ask(thread, "What is 17*23?")

    lines = trace(str(thread.id))
    assert [line.split()[2] for line in lines] == kinds(thread)
    assert any("calculator" in line and "17*23" in line for line in lines)
    assert trace(str(run.id), "--kind", "tool.called") == [
        line for line in lines if " tool.called " in line
    ]
    assert len(trace("--last", "3")) == 3
    assert len(trace(thread.stream, "--json")) == len(lines)
    for wrong in (["--last", "0"], ["--kind", "nothing"]):
        with pytest.raises(CommandError):
            trace(*wrong)


def test_numbers_for_prometheus(client: Client, owner: User, thread: Thread) -> None:
    ask(thread, "Hello")
    local = client.get("/metrics")
    assert local.status_code == 200
    assert 'parley_runs_active{state="queued"} 0.0' in local.content.decode()
    assert "parley_http_requests_total" in local.content.decode()
    assert "process_resident_memory_bytes" in local.content.decode()

    key = credentials.create_api_key(name="p", user=owner, scopes=["read"])
    for elsewhere in (
        Client(REMOTE_ADDR="10.0.0.9"),
        Client(headers={"X-Forwarded-For": "10.0.0.9"}),
    ):
        refused = elsewhere.get("/metrics")
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        token = {"Authorization": f"Bearer {key}"}
        assert elsewhere.get("/metrics", headers=token).status_code == 200


def test_addresses_that_are_none_are_problems_as_well(client: Client) -> None:
    for method in (client.get, client.post, client.delete):
        refused = method("/api/v1/nothing/here")
        assert (refused.status_code, refused.json()["code"]) == (404, "no_such_path")


def test_the_description_is_good_for_a_generated_client(client: Client) -> None:
    first = client.get("/api/v1/openapi.json").json()
    described = client.get("/api/v1/openapi.json").json()

    assert first == described
    operations = [each for path in described["paths"].values() for each in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert {"send_message", "list_threads", "create_agent"} <= set(names)
    for operation in operations:
        assert operation["description"]
        assert operation["tags"]
        assert "application/problem+json" in operation["responses"]["401"]["content"]
    references = set(re.findall(r"#(/[^'\"]+)", str(described)))
    known = {f"/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert references <= known


def test_the_docs_load_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()

    assert not re.findall(r"(?:src|href)=.?(?:https?:)?//", page)


def test_no_two_schemas_have_one_name() -> None:
    """In the description one would stand for the other."""

    def below(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
        for each in kind.__subclasses__():
            yield each
            yield from below(each)

    ours = {
        each
        for each in below(BaseModel)
        if each.__module__.startswith(
            ("chat.api.", "agents.api.", "agents.documents", "chat.files")
        )
        and not each.__module__.startswith("chat.api.openai")
    }
    assert len(ours) > 20
    assert len({each.__name__ for each in ours}) == len(ours)
