"""API keys: what they may do, how long, how often; made in the terminal and in the admin."""

import re
from datetime import timedelta
from io import StringIO

import pytest
import redis
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from agents.errors import MissingScope
from agents.models import Agent
from chat import credentials, rates
from chat.errors import TooManyRequests, Unauthorized
from chat.models import ApiKey, User
from tracer import live

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_emptied_redis")]


def client_of(key: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {key}"})


def made(*arguments: str) -> str:
    out = StringIO()
    call_command("apikey", *arguments, stdout=out)
    return out.getvalue().strip()


def test_a_key_may_what_it_was_made_for(owner: User) -> None:
    reads = credentials.create_api_key(name="r", user=owner, scopes=["read"])
    chats = credentials.create_api_key(name="c", user=owner, scopes=["chat"])
    none = credentials.create_api_key(name="n", user=owner, scopes=[])

    assert credentials.person(reads, "read") == owner
    assert credentials.person(chats, "read") == credentials.person(chats, "chat") == owner
    for key, scope in ((reads, "chat"), (chats, "manage"), (none, "read")):
        with pytest.raises(MissingScope, match=scope):
            credentials.person(key, scope)


def test_a_key_grows_old(owner: User) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    key = credentials.create_api_key(name="k", user=owner, expires_at=soon)
    assert credentials.person(key, "read") == owner

    ApiKey.objects.update(expires_at=timezone.now())

    with pytest.raises(Unauthorized):
        credentials.person(key, "read")


def test_it_is_noted_when_a_key_was_used(owner: User) -> None:
    key = credentials.create_api_key(name="k", user=owner)
    before = timezone.now()

    credentials.api_key(key)
    used = ApiKey.objects.get().last_used_at
    credentials.api_key(key)

    assert used is not None
    assert used >= before
    assert ApiKey.objects.get().last_used_at == used  # not at each request
    long_ago = before - timedelta(hours=1)
    ApiKey.objects.update(last_used_at=long_ago)
    credentials.api_key(key)
    assert ApiKey.objects.get().last_used_at != long_ago


def test_a_key_that_comes_too_often_has_to_wait(owner: User, demo: Agent) -> None:
    key = credentials.create_api_key(name="k", user=owner)
    other = credentials.create_api_key(name="other", user=owner)
    ApiKey.objects.filter(name="k").update(per_minute=3)

    told = [client_of(key).get("/api/v1/threads") for _ in range(4)]

    assert [response.status_code for response in told] == [200, 200, 200, 429]
    assert [response.headers["RateLimit-Remaining"] for response in told] == ["2", "1", "0", "0"]
    assert {response.headers["RateLimit-Limit"] for response in told} == {"3"}
    assert told[-1].json()["code"] == "rate_limited"
    assert 1 <= int(told[-1].headers["Retry-After"]) <= 20
    assert told[-1].headers["Content-Type"] == "application/problem+json"
    assert client_of(other).get("/api/v1/threads").status_code == 200
    with pytest.raises(TooManyRequests):
        credentials.check_rate(key)


def test_the_rate_is_the_settings_unless_the_key_has_its_own(
    owner: User, demo: Agent, settings: Settings
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 7
    key = credentials.create_api_key(name="k", user=owner)

    assert client_of(key).get("/api/v1/threads").headers["RateLimit-Limit"] == "7"


def test_everybody_is_let_through_while_redis_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nowhere = redis.Redis(unix_socket_path="/nowhere/redis.sock")
    monkeypatch.setattr(live, "connection", lambda: nowhere)

    assert all(rates.take("k", 1).allowed for _ in range(3))


def test_a_page_has_no_rate_of_a_key(owner: User, demo: Agent) -> None:
    page = Client()
    page.force_login(owner)

    assert "RateLimit-Limit" not in page.get("/api/v1/threads").headers


def test_keys_are_made_in_the_terminal(owner: User) -> None:
    reads = made("create", "r", "--scopes", "read", "--days", "3")
    everything = made("create", "all")

    row = ApiKey.objects.get(name="r")
    assert row.scopes == ["read"]
    assert row.expires_at is not None
    assert timedelta(days=2) < row.expires_at - timezone.now() <= timedelta(days=3)
    assert credentials.person(everything, "manage") == owner
    assert reads[:13] + "…  r  owner  active  read" in made("list")
    ApiKey.objects.filter(name="r").update(expires_at=timezone.now())
    assert "too old" in made("list")
    for wrong in (["--scopes", "write"], ["--scopes", ""], ["--days", "0"]):
        with pytest.raises(CommandError, match="takes"):
            made("create", "x", *wrong)


def test_a_key_is_made_in_the_admin_and_shown_once(owner: User) -> None:
    admin = Client()
    admin.force_login(owner)
    form = admin.get("/admin/chat/apikey/add/")
    assert form.status_code == 200

    shown = admin.post(
        "/admin/chat/apikey/add/",
        {"name": "phone", "user": str(owner.pk), "scopes": ["read", "chat"], "per_minute": "60"},
    )

    (key,) = re.findall(r"parley_[\w-]{40,}", shown.content.decode())
    assert "no-store" in shown.headers["Cache-Control"]
    assert credentials.person(key, "chat") == owner
    row = ApiKey.objects.get()
    assert (row.scopes, row.per_minute) == (["read", "chat"], 60)
    for page in ("/admin/chat/apikey/", f"/admin/chat/apikey/{row.pk}/change/"):
        assert key not in admin.get(page).content.decode()
    admin.post(
        f"/admin/chat/apikey/{row.pk}/change/",
        {"name": "phone", "scopes": ["read"], "per_minute": ""},
    )
    row.refresh_from_db()
    assert (row.scopes, row.per_minute, row.user) == (["read"], None, owner)
    assert credentials.person(key, "read") == owner


def test_pages_of_other_origins_are_kept_out_unless_that_is_set(
    owner: User, demo: Agent, settings: Settings
) -> None:
    key = credentials.create_api_key(name="k", user=owner)
    origin = {"Origin": "https://app.example.org"}
    asks = {**origin, "Access-Control-Request-Method": "POST"}

    assert (
        "Access-Control-Allow-Origin"
        not in client_of(key).get("/api/v1/threads", headers=origin).headers
    )
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.org"]
    allowed = client_of(key).get("/api/v1/threads", headers=origin)
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "Access-Control-Allow-Credentials" not in allowed.headers
    preflight = Client().options("/v1/chat/completions", headers=asks)
    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"]
    elsewhere = client_of(key).get("/", headers=origin)
    assert "Access-Control-Allow-Origin" not in elsewhere.headers


def test_who_may_make_keys_makes_them_only_for_oneself(owner: User, stranger: User) -> None:
    stranger.is_staff = True
    stranger.save()
    rights = Permission.objects.filter(codename__in=["add_apikey", "view_apikey", "change_apikey"])
    stranger.user_permissions.add(*rights)
    credentials.create_api_key(name="the owner's", user=owner)
    admin = Client()
    admin.force_login(stranger)
    form = {"name": "mine", "scopes": ["read"]}

    admin.post("/admin/chat/apikey/add/", form | {"user": str(owner.pk)})
    assert ApiKey.objects.filter(name="mine").count() == 0
    admin.post("/admin/chat/apikey/add/", form | {"user": str(stranger.pk)})

    assert ApiKey.objects.get(name="mine").user == stranger
    assert "the owner" not in admin.get("/admin/chat/apikey/").content.decode()
    admin.post(
        "/admin/chat/apikey/",
        {"action": "revoke", "_selected_action": [str(k.pk) for k in ApiKey.objects.all()]},
    )
    assert ApiKey.objects.get(user=owner).revoked_at is None
