"""Who may do what: every operation of the REST API as everybody there is."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from agents.models import Agent
from chat import attachments, credentials, gateway
from chat.models import ApiKey, Thread, User, Webhook
from config.api import api
from tests.chat.talk import ask

Response: TypeAlias = Any  # the test client gives its responses more than their class has

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

READ, CHAT, MANAGE, NOBODY_NEEDED = "read", "chat", "manage", ""
FILE = {
    "format": "parley.thread",
    "version": 1,
    "messages": [{"id": "1", "role": "user", "content": "x"}],
}
AGENT = {"slug": "new", "name": "New", "model": "demo/assistant"}
AGENTS = {"format": "parley.agents", "version": 1, "agents": [AGENT]}
UPLOAD = b"a file"
HOOK = {"name": "n", "url": "https://hooks.example.org/", "kinds": ["run.completed"]}

# Each operation: what a key must be good for, whether it is about somebody's own, what is sent.
OPERATIONS: dict[str, tuple[str, bool, Any]] = {
    "GET /threads": (READ, False, None),
    "POST /threads": (CHAT, False, {}),
    "POST /threads/import": (CHAT, False, FILE),
    "GET /threads/{thread_id}": (READ, True, None),
    "PATCH /threads/{thread_id}": (CHAT, True, {"title": "x"}),
    "DELETE /threads/{thread_id}": (CHAT, True, None),
    "GET /threads/{thread_id}/export": (READ, True, None),
    "POST /threads/{thread_id}/fork": (CHAT, True, {}),
    "GET /threads/{thread_id}/at/{seq}": (READ, True, None),
    "GET /threads/{thread_id}/messages": (READ, True, None),
    "POST /threads/{thread_id}/messages": (CHAT, True, {"content": "x"}),
    "POST /attachments": (CHAT, False, UPLOAD),
    "GET /attachments/{attachment_id}": (READ, True, None),
    "GET /threads/{thread_id}/pins": (READ, True, None),
    "PUT /threads/{thread_id}/pins/{message_id}": (CHAT, True, None),
    "DELETE /threads/{thread_id}/pins/{message_id}": (CHAT, True, None),
    "GET /threads/{thread_id}/events": (READ, True, None),
    "GET /threads/{thread_id}/stream": (READ, True, None),
    "GET /runs/{run_id}": (READ, True, None),
    "POST /runs/{run_id}/cancel": (CHAT, True, None),
    "POST /runs/{run_id}/retry": (CHAT, True, None),
    "POST /runs/{run_id}/approvals/{call}": (CHAT, True, {"decision": "deny"}),
    "POST /runs/{run_id}/answers/{question}": (CHAT, True, {"content": "x"}),
    "GET /events": (READ, False, None),
    "GET /webhooks": (READ, False, None),
    "POST /webhooks": (MANAGE, False, HOOK),
    "DELETE /webhooks/{webhook_id}": (MANAGE, True, None),
    "GET /webhooks/{webhook_id}/deliveries": (READ, True, None),
    "POST /hooks/{topic}": (CHAT, False, {"x": 1}),
    "GET /agents": (READ, False, None),
    "POST /agents": (MANAGE, False, AGENT),
    "POST /agents/import": (MANAGE, False, AGENTS),
    "GET /agents/{slug}": (READ, False, None),
    "PATCH /agents/{slug}": (MANAGE, False, {"description": "x"}),
    "DELETE /agents/{slug}": (MANAGE, False, None),
    "GET /agents/{slug}/export": (READ, False, None),
    "GET /tools": (READ, False, None),
    "GET /skills": (READ, False, None),
    "GET /models": (READ, False, None),
}
SETS_UP_AGENTS = {name for name, (scope, *_) in OPERATIONS.items() if "/agents" in name} - {
    "GET /agents",
    "GET /agents/{slug}",
}
BY_SECRET = "POST /hooks/{topic}"  # no session counts there


@dataclass
class World:
    """A thread of the owner, and whatever the paths name."""

    names: dict[str, str]

    def path(self, operation: str) -> str:
        return f"/api/v1{operation.partition(' ')[2]}".format(**self.names)


@pytest.fixture
def world(thread: Thread, owner: User) -> World:
    run = ask(thread, "Hello")
    hook = Webhook.objects.create(owner=owner, name="w", url="https://x.example", kinds=["x"])
    names = {
        "thread_id": str(thread.id),
        "run_id": str(run.id),
        "message_id": str(run.message_id),
        "webhook_id": str(hook.id),
        "attachment_id": str(attachments.keep(owner, name="a", content=b"x").id),
        "call": "call_1",
        "question": "call_2",
        "slug": "demo",
        "seq": "1",
        "topic": "deploys",
    }
    return World(names)


def with_key(user: User, *scopes: str, **changes: Any) -> Client:
    key = credentials.create_api_key(name="k", user=user, scopes=scopes)
    ApiKey.objects.filter(prefix=key[: credentials.SHOWN_CHARACTERS]).update(**changes)
    return Client(headers={"Authorization": f"Bearer {key}"})


def send(client: Client, world: World, operation: str) -> Response:
    method = operation.partition(" ")[0].lower()
    call: Callable[..., Response] = getattr(client, method)
    body = OPERATIONS[operation][2]
    if body is None:
        return call(world.path(operation))
    if isinstance(body, bytes):
        return call(world.path(operation), {"file": SimpleUploadedFile("a.txt", body)})
    return call(world.path(operation), body, content_type="application/json")


def refused(response: Response) -> str | None:
    """Return the code of a refusal because of who calls; None if there was none."""
    if response.status_code not in {401, 403}:
        assert response.status_code < 500
        return None
    code: str = response.json()["code"]
    return code


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_every_operation_is_in_the_table() -> None:
    described = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }

    assert described == set(OPERATIONS)


def test_nobody_gets_in_without_a_good_key(world: World, operation: str, owner: User) -> None:
    now = timezone.now()
    off = User.objects.create_user("off", is_active=False)
    for client in (
        Client(),
        Client(headers={"Authorization": "Bearer parley_wrong"}),
        with_key(owner, READ, CHAT, MANAGE, revoked_at=now),
        with_key(owner, READ, CHAT, MANAGE, expires_at=now - timedelta(seconds=1)),
        with_key(off, READ, CHAT, MANAGE),
    ):
        assert refused(send(client, world, operation)) == "unauthorized"


def test_a_key_does_what_its_scopes_say(world: World, operation: str, owner: User) -> None:
    needed = OPERATIONS[operation][0]
    for scope in (READ, CHAT, MANAGE):
        good = needed in {scope, READ}
        code = refused(send(with_key(owner, scope), world, operation))
        assert code == (None if good else "missing_scope"), scope


def test_the_owner_may_do_everything(world: World, operation: str, owner: User) -> None:
    page = Client()
    page.force_login(owner)

    if operation != BY_SECRET:
        assert refused(send(page, world, operation)) is None
    assert refused(send(with_key(owner, READ, CHAT, MANAGE), world, operation)) is None


def test_somebody_else_sees_nothing_of_it(world: World, operation: str, stranger: User) -> None:
    page = Client()
    page.force_login(stranger)
    clients = [with_key(stranger, READ, CHAT, MANAGE)]
    if operation != BY_SECRET:
        clients.append(page)

    for client in clients:
        response = send(client, world, operation)
        code = refused(response)
        if "{webhook_id}" in operation or "{attachment_id}" in operation:
            assert response.status_code == 404
        elif OPERATIONS[operation][1]:
            assert code == "not_yours"
        elif operation in SETS_UP_AGENTS:
            assert code == "not_allowed"
        else:
            assert code is None


def test_a_page_needs_its_token_to_change_something(
    world: World, operation: str, owner: User
) -> None:
    page = Client(enforce_csrf_checks=True)
    page.force_login(owner)

    response = send(page, world, operation)

    changes = not operation.startswith("GET")
    assert (response.status_code in {401, 403}) == changes


def test_lists_have_only_ones_own(world: World, stranger: User, demo: Agent) -> None:
    client = with_key(stranger, READ)
    mine = gateway.start(owner=stranger, agent="demo", actor="user:2")

    assert [each["id"] for each in client.get("/api/v1/threads").json()["items"]] == [str(mine.id)]
    events = client.get("/api/v1/events").json()["items"]
    assert {event["stream"] for event in events} == {mine.stream}
    assert client.get("/api/v1/webhooks").json()["items"] == []
    (agent,) = client.get("/api/v1/agents").json()["items"]
    assert agent["system_prompt"] is None
