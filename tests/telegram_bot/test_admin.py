"""Telegram in the admin."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chat.models import User
from telegram_bot import inbox, outbox
from telegram_bot.models import Account, Button, Chat, Incoming, Post
from tests.telegram_bot.person import Person

pytestmark = pytest.mark.django_db


def test_accounts_are_unlinked_and_posts_sent_again(
    client: Client, owner: User, ada: Person
) -> None:
    client.force_login(owner)
    ada.write("Hello")
    ada.write("/status")
    Post.objects.update(state="failed", problem="it *was* away")
    for name in ("account", "chat", "post"):
        page = client.get(f"/admin/telegram_bot/{name}/")
        assert page.status_code == 200
        assert client.get(f"/admin/telegram_bot/{name}/add/").status_code == 403
    assert "it *was* away" in client.get("/admin/telegram_bot/post/").content.decode()
    post = Post.objects.get()
    assert client.get(f"/admin/telegram_bot/post/{post.pk}/change/").status_code == 200
    client.post("/admin/telegram_bot/post/", {"action": "try_again", "_selected_action": [post.pk]})
    post.refresh_from_db()
    assert (post.state, post.problem) == ("waiting", "")
    account = Account.objects.get()
    client.post(f"/admin/telegram_bot/account/{account.pk}/delete/", {"post": "yes"})

    assert not Account.objects.exists()
    assert Chat.objects.get().thread is None


def test_what_is_long_past_is_forgotten(ada: Person) -> None:
    ada.write("/agents")
    outbox.write([ada.row], kind=Post.Kind.REPLY, key="waits", html="x")
    old = timezone.now() - timedelta(days=100)
    Incoming.objects.update(handled_at=old)
    Button.objects.update(made_at=old)
    Post.objects.exclude(key="waits").update(state="sent", sent_at=old)
    inbox.forget_old()

    assert not Incoming.objects.exists()
    assert not Button.objects.exists()
    assert [post.key for post in Post.objects.all()] == ["waits"]
