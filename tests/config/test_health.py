"""Whether the process lives, and whether it can work."""

import pytest
import redis
from django.test import Client

from tracer import live


def test_a_process_that_lives_says_so(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_readiness_names_what_is_missing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}

    nobody = redis.Redis.from_url("unix:///nowhere/redis.sock")
    monkeypatch.setattr(live, "connection", lambda: nobody)
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {"status": "unavailable", "redis": "ConnectionError"}
