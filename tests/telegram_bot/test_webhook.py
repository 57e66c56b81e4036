"""Where Telegram sends updates to."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from telegram_bot.identity import webhook_secret
from telegram_bot.models import Incoming

pytestmark = pytest.mark.django_db

PATH = "/telegram/webhook/"


@pytest.fixture(autouse=True)
def _by_webhook(settings: Settings) -> None:
    settings.TELEGRAM_WEBHOOK_URL = "https://chat.example.org"


def send(client: Client, body: bytes, secret: str | None = None) -> Any:  # noqa: ANN401
    given = webhook_secret() if secret is None else secret
    headers = {"X-Telegram-Bot-Api-Secret-Token": given}
    return client.post(PATH, body, content_type="application/json", headers=headers)


def test_an_update_is_kept_once_and_answered_at_once(client: Client) -> None:
    body = json.dumps({"update_id": 5, "message": {"chat": {"id": 7}}}).encode()
    for _ in range(2):
        assert send(client, body).json() == {"ok": True}

    kept = Incoming.objects.get()
    assert (kept.update_id, kept.chat_id, kept.handled_at) == (5, 7, None)


@pytest.mark.parametrize("secret", ["", "wrong", "ü"])
def test_without_the_secret_nothing_is_kept(client: Client, secret: str) -> None:
    assert send(client, b'{"update_id": 5}', secret).status_code == 403
    assert not Incoming.objects.exists()


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"[]", b'{"update_id": "x"}', b'{"update_id": true}', b"[" * 9_999]
)
def test_what_can_not_be_read_is_answered_and_not_kept(client: Client, body: bytes) -> None:
    assert send(client, body).status_code == 200
    assert not Incoming.objects.exists()


def test_there_is_no_webhook_where_updates_are_asked_for(
    client: Client, settings: Settings
) -> None:
    settings.TELEGRAM_WEBHOOK_URL = ""
    assert send(client, b'{"update_id": 5}').status_code == 404


def test_the_secret_is_one_that_telegram_takes(settings: Settings) -> None:
    before = webhook_secret()
    settings.TELEGRAM_BOT_TOKEN = "1:other"

    assert before != webhook_secret()
    assert before.isalnum()
    assert len(before) <= 256
