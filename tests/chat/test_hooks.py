"""Webhooks, both ways: what happens is told and signed, what comes in is proved and taken once."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from typing import Any, TypeAlias

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from typing_extensions import override

from agents import vault
from chat import credentials, gateway, signatures, tasks, webhooks
from chat.models import Delivery, Hook, Received, Thread, User, Webhook
from tests.chat.talk import ask
from tracer.models import TraceEvent

Response: TypeAlias = Any  # the test client gives its responses more than their class has

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


class Listener(ThreadingHTTPServer):
    """A program that is told of events: it answers as it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.heard: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/parley"


class _Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(b"heard")

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def listener(settings: Settings) -> Iterator[Listener]:
    settings.PRIVATE_NETWORKS = (IPv4Network("127.0.0.0/8"),)
    server = Listener()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def secret() -> str:
    return vault.signing_secret()


@pytest.fixture
def webhook(owner: User, listener: Listener, secret: str) -> Webhook:
    return Webhook.objects.create(
        owner=owner,
        name="w",
        url=listener.url,
        kinds=["run.completed", "thread.deleted"],
        secret=vault.close(secret),
    )


def deliver() -> None:
    for each in webhooks.due():
        tasks.deliver(delivery_id=str(each))


def test_what_has_no_room_stays_due(
    webhook: Webhook, listener: Listener, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(thread, "Hello")
    monkeypatch.setattr(webhooks, "room", threading.BoundedSemaphore(1))

    with webhooks.room:
        deliver()
    assert (listener.heard, Delivery.objects.get().attempts) == ([], 0)
    for _ in range(2):
        deliver()

    assert len(listener.heard) == 1
    assert Delivery.objects.get().state == Delivery.State.SENT


def test_a_webhook_is_told_of_what_it_wants(
    webhook: Webhook, listener: Listener, thread: Thread, secret: str
) -> None:
    run = ask(thread, "Hello")

    deliver()

    ((headers, body),) = listener.heard
    told = json.loads(body)
    assert told["type"] == "run.completed"
    assert told["data"]["stream"] == thread.stream
    assert told["data"]["data"]["run"] == str(run.id)
    assert headers["Content-Type"] == "application/json"
    assert signatures.proves(secret, headers, body, now=time.time())
    assert not signatures.proves(secret, headers, body + b" ", now=time.time())
    assert not signatures.proves(vault.signing_secret(), headers, body, now=time.time())
    assert not signatures.proves(secret, headers, body, now=time.time() + 400)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status) == ("sent", 1, 200)
    assert headers["webhook-id"] == str(delivery.id)
    deliver()
    assert len(listener.heard) == 1


def test_only_ones_own_events_are_told(
    webhook: Webhook, listener: Listener, stranger: User, thread: Thread
) -> None:
    theirs = gateway.start(owner=stranger, agent="demo", actor="user:2")
    ask(theirs, "Hello")
    Webhook.objects.update(active=False)
    ask(thread, "Hello")

    assert not Delivery.objects.exists()


def test_what_is_not_taken_is_sent_again_later_and_later(
    webhook: Webhook, listener: Listener, thread: Thread
) -> None:
    listener.status = 500
    ask(thread, "Hello")
    waits: list[float] = []

    for _ in range(webhooks.MOST_ATTEMPTS):
        Delivery.objects.update(next_at=timezone.now())
        deliver()
        waits.append((Delivery.objects.get().next_at - timezone.now()).total_seconds())

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status, delivery.told) == ("failed", 500, "heard")
    assert len(listener.heard) == webhooks.MOST_ATTEMPTS
    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
    kept = [round(wait, -1) for wait in waits[1:6]]
    assert kept == [20, 120, 620, 3120, 14400]
    deliver()
    assert len(listener.heard) == webhooks.MOST_ATTEMPTS


def test_what_is_not_due_waits(webhook: Webhook, listener: Listener, thread: Thread) -> None:
    ask(thread, "Hello")
    Delivery.objects.update(next_at=timezone.now() + timedelta(seconds=60))

    for each in Delivery.objects.all():
        webhooks.send(each.id)

    assert listener.heard == []


def test_an_address_that_is_gone_is_told_no_more(
    webhook: Webhook, listener: Listener, thread: Thread
) -> None:
    listener.status = 410
    ask(thread, "Hello")
    deliver()

    webhook.refresh_from_db()
    assert not webhook.active
    assert "410" in webhook.problem
    assert Delivery.objects.get().state == "failed"


def test_a_redirect_is_not_followed(webhook: Webhook, listener: Listener, thread: Thread) -> None:
    listener.status = 302
    ask(thread, "Hello")
    deliver()

    assert len(listener.heard) == 1
    assert Delivery.objects.get().state == "waiting"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://169.254.169.254/latest/"])
def test_private_addresses_are_not_called(
    webhook: Webhook, listener: Listener, thread: Thread, settings: Settings, url: str
) -> None:
    settings.PRIVATE_NETWORKS = ()
    Webhook.objects.update(url=url)
    ask(thread, "Hello")
    deliver()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.status) == ("waiting", None)
    assert "not on the public network" in delivery.told


def test_what_was_deleted_meanwhile_is_not_told(
    webhook: Webhook, listener: Listener, thread: Thread
) -> None:
    ask(thread, "A secret")
    gateway.delete(thread, actor="user:1")

    deliver()

    ((_, body),) = listener.heard
    assert json.loads(body)["type"] == "thread.deleted"
    assert b"secret" not in body
    assert set(Delivery.objects.values_list("kind", "state")) == {
        ("run.completed", "failed"),
        ("thread.deleted", "sent"),
    }


def test_a_secret_is_no_use_without_the_key(secret: str, settings: Settings) -> None:
    stored = vault.close(secret)
    assert secret not in stored
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    with pytest.raises(vault.Unreadable):
        vault.open_(stored)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert vault.open_(stored) == secret


def api(user: User, *scopes: str) -> Client:
    key = credentials.create_api_key(name="k", user=user, scopes=scopes)
    return Client(headers={"Authorization": f"Bearer {key}"})


def test_webhooks_are_made_over_rest(owner: User, thread: Thread, listener: Listener) -> None:
    client = api(owner, "manage")
    wanted = {"name": "n", "url": listener.url, "kinds": ["run.completed"]}

    made = client.post("/api/v1/webhooks", wanted, content_type="application/json")

    assert made.status_code == 201
    row = Webhook.objects.get()
    assert vault.open_(row.secret) == made.json()["secret"]
    assert made.json()["secret"] not in client.get("/api/v1/webhooks").content.decode()
    ask(thread, "Hello")
    deliver()
    (told,) = client.get(f"/api/v1/webhooks/{row.id}/deliveries").json()["items"]
    assert (told["state"], told["kind"], told["status"]) == ("sent", "run.completed", 200)
    for wrong, code in (
        ({**wanted, "kinds": ["nothing"]}, "no_such_kind"),
        ({**wanted, "kinds": []}, "invalid"),
        ({**wanted, "url": "ftp://x"}, "invalid"),
        ({**wanted, "url": "nonsense"}, "invalid"),
    ):
        refused = client.post("/api/v1/webhooks", wrong, content_type="application/json")
        assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert client.delete(f"/api/v1/webhooks/{row.id}").status_code == 204
    assert not Webhook.objects.exists()


def test_webhooks_are_set_up_in_the_admin(owner: User, thread: Thread, listener: Listener) -> None:
    admin = Client()
    admin.force_login(owner)
    form = {
        "name": "n",
        "owner": str(owner.pk),
        "url": listener.url,
        "kinds": ["run.completed"],
        "active": "on",
    }

    shown = admin.post("/admin/chat/webhook/add/", form)

    row = Webhook.objects.get()
    secret = vault.open_(row.secret)
    assert secret in shown.content.decode().replace("&#x2B;", "+")
    page = admin.get(f"/admin/chat/webhook/{row.pk}/change/").content.decode()
    assert secret not in page
    assert row.secret not in page
    ask(thread, "Hello")
    deliver()
    (delivery,) = Delivery.objects.all()
    assert admin.get("/admin/chat/delivery/").status_code == 200
    assert b"heard" in admin.get(f"/admin/chat/delivery/{delivery.pk}/change/").content
    again = {"action": "send_again", "_selected_action": [str(delivery.pk)]}
    admin.post("/admin/chat/delivery/", again)
    deliver()
    assert len(listener.heard) == 2


# What comes in ----------------------------------------------------------------------------------


@pytest.fixture
def hook(owner: User, secret: str) -> Hook:
    return Hook.objects.create(owner=owner, topic="deploys", secret=vault.close(secret))


def publish(body: bytes, topic: str = "deploys", **headers: str) -> Response:
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client().post(
        f"/api/v1/hooks/{topic}", body, content_type="application/json", headers=kept
    )


def signed(secret: str, body: bytes, *, name: str = "m1", at: float = 0) -> dict[str, str]:
    moment = int(at or time.time())
    return signatures.headers(secret, message_id=name, at=moment, body=body)


def received() -> list[dict[str, Any]]:
    rows = TraceEvent.objects.filter(kind="hook.received").order_by("seq")
    return list(rows.values_list("data", flat=True))


def test_what_is_signed_comes_in_once(hook: Hook, secret: str, owner: User) -> None:
    body = b'{"version": "1.2"}'
    proof = signed(secret, body)

    first, second = publish(body, **proof), publish(body, **proof)

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    (event,) = received()
    assert event["body"] == {"version": "1.2"}
    assert (event["topic"], event["delivery"]) == ("deploys", "m1")
    hook.refresh_from_db()
    assert hook.last_received_at is not None
    seen = api(owner, "read").get("/api/v1/events", {"kind": "hook.received"}).json()["items"]
    assert [each["id"] for each in seen] == [first.json()["event"]]


def test_what_is_not_proved_stays_out(hook: Hook, secret: str) -> None:
    body = b"{}"
    for proof in (
        {},
        signed("whsec_wrong", body),
        signed(secret, b"another"),
        signed(secret, body, at=time.time() - 400),
        signed(secret, body, at=time.time() + 400),
        {**signed(secret, body), "webhook-id": "other"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"X-Hub-Signature-256": "sha256=00"},
        {"X-Hub-Signature-256": ""},
        {"webhook-timestamp": "x", "webhook-id": "y", "webhook-signature": "v1,ü"},
    ):
        refused = publish(body, **proof)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert publish(body, "others", **signed(secret, body)).status_code == 401
    Hook.objects.update(active=False)
    assert publish(body, **signed(secret, body)).status_code == 401
    assert received() == []


def test_older_ways_to_prove_it(hook: Hook, secret: str) -> None:
    body = b"plain words"
    mark = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    assert publish(body, **{"X-Hub-Signature-256": mark}).status_code == 202
    assert publish(body, **{"X-Hub-Signature-256": mark}).status_code == 202
    assert len(received()) == 1
    named = {"X-Hub-Signature-256": mark, "X-GitHub-Delivery": "d1"}
    assert publish(body, **named).status_code == 202
    assert publish(b"x", Authorization=f"Bearer {secret}").status_code == 202
    assert publish(b"x", Authorization=f"Bearer {secret}").status_code == 202
    assert [event["body"] for event in received()] == ["plain words", "plain words", "x", "x"]


def test_too_much_at_once_is_refused(hook: Hook, secret: str, settings: Settings) -> None:
    settings.HOOK_MAX_BYTES = 10
    body = b"x" * 11

    refused = publish(body, **signed(secret, body))

    assert (refused.status_code, refused.json()["code"]) == (413, "too_long")
    assert received() == []


def test_a_key_publishes_to_its_persons_topics(hook: Hook, stranger: User) -> None:
    client = api(stranger, "chat")
    sent = client.post("/api/v1/hooks/deploys", {"a": "\x00"}, content_type="application/json")
    assert sent.status_code == 202

    (row,) = TraceEvent.objects.filter(kind="hook.received")
    assert row.stream == f"topic:{stranger.pk}:deploys"
    assert row.data["body"] == {"a": "\N{REPLACEMENT CHARACTER}"}


def test_what_came_in_long_ago_is_forgotten(hook: Hook, secret: str) -> None:
    body = b"{}"
    publish(body, **signed(secret, body, name="old"))
    Received.objects.update(received_at=timezone.now() - timedelta(days=8))

    publish(body, **signed(secret, body, name="new"))

    assert list(Received.objects.values_list("delivery", flat=True)) == ["new"]


def test_topics_are_set_up_in_the_admin(owner: User) -> None:
    admin = Client()
    admin.force_login(owner)
    form = {"topic": "builds", "owner": str(owner.pk), "active": "on"}

    admin.post("/admin/chat/hook/add/", form)

    secret = vault.open_(Hook.objects.get().secret)
    assert publish(b"{}", "builds", **signed(secret, b"{}")).status_code == 202
    assert admin.post("/admin/chat/hook/add/", form | {"topic": "No!"}).status_code == 200
    assert Hook.objects.count() == 1
