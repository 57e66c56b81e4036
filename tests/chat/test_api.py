"""REST: threads and messages for programs."""

from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from agents.models import Agent
from chat import credentials, gateway
from chat.models import ApiKey, Message, Thread, User
from tests.chat.talk import ask

Response: TypeAlias = Any  # the test client gives its responses more than their class has

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


@pytest.fixture
def api(owner: User, demo: Agent) -> Client:
    """A client with an API key of the owner."""
    key = credentials.create_api_key(name="test", user=owner)
    return Client(headers={"Authorization": f"Bearer {key}"})


def post(api: Client, path: str, body: object, **headers: str) -> Response:
    return api.post(f"/api/v1{path}", body, content_type="application/json", headers=headers)


def test_a_thread_is_started_and_listed(api: Client) -> None:
    made = post(api, "/threads", {"agent": "demo", "title": "Mine"})

    assert made.status_code == 201
    thread = Thread.objects.get()
    assert made.json()["id"] == str(thread.id)
    assert (thread.title, thread.agent) == ("Mine", "demo")
    listed = api.get("/api/v1/threads").json()
    assert [item["id"] for item in listed["items"]] == [str(thread.id)]
    assert api.get(f"/api/v1/threads/{thread.id}").json()["title"] == "Mine"


def test_a_thread_without_an_agent_gets_the_default(api: Client) -> None:
    assert post(api, "/threads", {}).json()["agent"] == "demo"


def test_a_message_is_taken_once_per_key(api: Client, thread: Thread) -> None:
    path, body = f"/threads/{thread.id}/messages", {"content": "Hello"}

    first = post(api, path, body, **{"Idempotency-Key": "abc"})
    second = post(api, path, body, **{"Idempotency-Key": "abc"})
    third = post(api, path, body)

    assert first.status_code == 202
    assert set(first.json()) == {"message", "run"}
    assert first.json() == second.json() != third.json()
    assert Message.objects.count() == 2
    assert Message.objects.order_by("seq")[0].channel == "api"


def test_messages_are_read_in_order(api: Client, thread: Thread) -> None:
    run = ask(thread, "Hello")

    listed = api.get(f"/api/v1/threads/{thread.id}/messages").json()

    assert listed["next"] is None
    question, answer = listed["items"]
    assert (question["role"], question["content"], question["parent"]) == ("user", "Hello", None)
    assert (answer["role"], answer["parent"], answer["run"]) == (
        "assistant",
        question["id"],
        str(run.id),
    )


def test_messages_are_pinned_and_unpinned(api: Client, thread: Thread, stranger: User) -> None:
    message = ask(thread, "Keep this.").message_id
    pins = f"/api/v1/threads/{thread.id}/pins"

    assert api.put(f"{pins}/{message}").status_code == 204
    assert api.get(pins).json() == [str(message)]
    assert api.delete(f"{pins}/{message}").status_code == 204
    assert api.get(pins).json() == []
    assert api.put(f"{pins}/{uuid4()}").json()["code"] == "no_such_message"
    others = gateway.start(owner=stranger, agent="demo", actor="user:2")
    for method in (api.put, api.delete):
        assert method(f"/api/v1/threads/{others.id}/pins/{message}").status_code == 403


def test_agents_are_listed_with_their_tools(api: Client) -> None:
    Agent.objects.create(slug="off", name="Off", model="demo/x", active=False)

    (agent,) = api.get("/api/v1/agents").json()["items"]

    assert agent["slug"] == "demo"
    assert "calculator" in agent["tools"]


def test_errors_are_problem_details(api: Client, thread: Thread, settings: Settings) -> None:
    settings.MESSAGE_MAX_BYTES = 10
    path = f"/threads/{thread.id}/messages"
    refused = [
        (post(api, path, {"content": ""}), 422, "empty"),
        (post(api, path, {"content": "x" * 11}), 413, "too_long"),
        (post(api, path, {"content": "x", "agent": "nobody"}), 422, "no_such_agent"),
        (post(api, path, {"content": "x", "parent": str(uuid4())}), 404, "no_such_message"),
        (post(api, path, {"text": "x"}), 422, "invalid"),
        (post(api, f"/threads/{uuid4()}/messages", {"content": "x"}), 404, "no_such_thread"),
        (post(api, "/threads", {"agent": "nobody"}), 422, "no_such_agent"),
        (api.post("/api/v1/threads", "{", content_type="application/json"), 400, "bad_request"),
    ]

    for response, status, code in refused:
        assert response.status_code == status
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == code
        assert response.json()["detail"]
    assert Message.objects.count() == 0


def test_others_threads_are_refused(api: Client, stranger: User, demo: Agent) -> None:
    foreign = gateway.start(owner=stranger, actor="user:2")

    for response in (
        api.get(f"/api/v1/threads/{foreign.id}"),
        api.get(f"/api/v1/threads/{foreign.id}/messages"),
        post(api, f"/threads/{foreign.id}/messages", {"content": "x"}),
    ):
        assert (response.status_code, response.json()["code"]) == (403, "not_yours")
    assert api.get("/api/v1/threads").json()["items"] == []


def test_nobody_gets_in_without_a_key(api: Client, owner: User) -> None:
    for client in (Client(), Client(headers={"Authorization": "Bearer parley_wrong"})):
        assert client.get("/api/v1/threads").status_code == 401
    ApiKey.objects.update(revoked_at="2026-01-01T00:00Z")
    assert api.get("/api/v1/threads").status_code == 401
    ApiKey.objects.update(revoked_at=None)
    owner.is_active = False
    owner.save()
    assert api.get("/api/v1/threads").status_code == 401


def test_a_session_needs_the_csrf_token(owner: User, demo: Agent) -> None:
    page = Client(enforce_csrf_checks=True)
    page.force_login(owner)

    assert page.get("/api/v1/threads").status_code == 200
    assert post(page, "/threads", {}).status_code == 403


def test_the_api_describes_itself(api: Client) -> None:
    described = api.get("/api/v1/openapi.json").json()

    assert {"/api/v1/threads", "/api/v1/agents"} <= set(described["paths"])
    assert "unsafe-eval" not in api.get("/api/v1/docs").headers["Content-Security-Policy"]
