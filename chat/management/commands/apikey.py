"""`manage.py apikey`: keys for programs."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from chat import credentials
from chat.errors import ChatError
from chat.models import ApiKey


class Command(BaseCommand):
    """Make, list and revoke API keys."""

    help = "Make (create NAME), list, or revoke (revoke PREFIX) API keys."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Print a new key, once, alone on its line.")
        create.add_argument("name", help="What the key is for.")
        create.add_argument("--user", help="The person it stands for; the owner if left out.")
        create.add_argument(
            "--scopes",
            default=",".join(ApiKey.Scope.values),
            help="What it may do, by commas: read, chat, manage. Everything if left out.",
        )
        create.add_argument("--days", type=int, help="After how many days it is refused.")
        actions.add_parser("list", help="List the keys by their first characters.")
        revoke = actions.add_parser("revoke", help="Have a key refused from now on.")
        revoke.add_argument("prefix", help="The key's first characters, as listed.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "create":
                expires_at = None
                if options["days"] is not None:
                    expires_at = timezone.now() + timedelta(days=_days(options["days"]))
                self._create(
                    name=options["name"],
                    username=options["user"],
                    scopes=_scopes(options["scopes"]),
                    expires_at=expires_at,
                )
            case "revoke":
                self._revoke(options["prefix"])
            case _:
                for key in ApiKey.objects.select_related("user"):
                    told = f"{key.prefix}…  {key.name}  {key.user}  {_state(key)}"
                    self.stdout.write(f"{told}  {','.join(key.scopes)}")

    def _create(
        self,
        *,
        name: str,
        username: str | None,
        scopes: list[str],
        expires_at: datetime | None,
    ) -> None:
        if not name.strip():
            msg = "Give the key a name."
            raise CommandError(msg)
        try:
            user = credentials.active_person(username)
        except ChatError as error:
            raise CommandError(str(error)) from error
        key = credentials.create_api_key(name=name, user=user, scopes=scopes, expires_at=expires_at)
        self.stdout.write(key)

    def _revoke(self, prefix: str) -> None:
        found = ApiKey.objects.filter(prefix=prefix, revoked_at=None)
        if found.update(revoked_at=timezone.now()) == 0:
            msg = f"There is no active key that begins with {prefix!r}."
            raise CommandError(msg)
        self.stdout.write(f"{prefix}… is refused from now on.")


def _state(key: ApiKey) -> str:
    if key.revoked_at:
        return "revoked"
    return "too old" if key.expires_at and key.expires_at <= timezone.now() else "active"


def _scopes(text: str) -> list[str]:
    scopes = [scope.strip() for scope in text.split(",") if scope.strip()]
    if not scopes or set(scopes) - set(ApiKey.Scope.values):
        msg = f"--scopes takes some of {', '.join(ApiKey.Scope.values)}, not {text!r}."
        raise CommandError(msg)
    return scopes


def _days(days: int) -> int:
    if not 1 <= days <= 36_500:  # noqa: PLR2004  (a hundred years)
        msg = f"--days takes 1 to 36500, not {days}."
        raise CommandError(msg)
    return days
