"""Sign-in links and API keys."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from chat import credentials
from chat.models import ApiKey, SignInLink, User

pytestmark = pytest.mark.django_db


def link() -> str:
    out = StringIO()
    call_command("signin", stdout=out)
    return out.getvalue().strip()


def test_a_link_signs_the_owner_in_once(client: Client, owner: User) -> None:
    address = link()
    path = address.partition("8000")[2]
    assert address.startswith("http://127.0.0.1:8000/?token=")

    response = client.get(path)

    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(owner.pk)
    again = Client().get(path)
    assert again.status_code == 403
    assert b"used up" in again.content
    assert client.get(path).status_code == 302  # who is in stays in


def test_a_link_grows_old(client: Client) -> None:
    path = link().partition("8000")[2]
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert client.get(path).status_code == 403


@pytest.mark.parametrize("token", ["wrong", "%00", "x" * 5000])
def test_a_wrong_token_is_refused(client: Client, token: str) -> None:
    assert client.get(f"/?token={token}").status_code == 403


def test_a_person_who_is_switched_off_stays_out(client: Client, owner: User) -> None:
    path = "/?token=" + credentials.sign_in_token(owner)
    owner.is_active = False
    owner.save()

    assert client.get(path).status_code == 403


def test_no_secret_is_stored(owner: User) -> None:
    token = credentials.sign_in_token(owner)
    key = credentials.create_api_key(name="k", user=owner)

    stored = str(list(SignInLink.objects.values())) + str(list(ApiKey.objects.values()))
    assert token not in stored
    assert key not in stored


def test_the_owner_is_made_once(db: None) -> None:
    first = credentials.owner()

    assert credentials.owner() == first
    assert (first.username, first.is_superuser) == ("owner", True)
    assert not first.has_usable_password()


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("apikey", *arguments, stdout=out)
    return out.getvalue().strip()


def test_a_key_is_made_listed_and_revoked(owner: User, stranger: User) -> None:
    key = run("create", "laptop")
    other = run("create", "phone", "--user", "stranger")

    assert credentials.person(key, "manage") == owner
    assert credentials.person(other, "chat") == stranger
    listed = run("list")
    assert key not in listed
    assert f"{key[:13]}…  laptop  owner  active" in listed
    run("revoke", key[:13])
    assert credentials.api_key(key) is None
    assert "revoked" in run("list")


def test_bad_key_commands_are_refused(owner: User) -> None:
    with pytest.raises(CommandError, match="Give the key a name"):
        run("create", " ")
    with pytest.raises(CommandError, match="no active person 'nobody'"):
        run("create", "x", "--user", "nobody")
    with pytest.raises(CommandError, match="no active key"):
        run("revoke", "parley_nothing")
