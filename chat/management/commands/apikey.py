"""`manage.py apikey`: keys for programs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from typing_extensions import override

from chat import credentials
from chat.models import ApiKey, User


class Command(BaseCommand):
    """Make, list and revoke API keys."""

    help = "Make (create NAME), list, or revoke (revoke PREFIX) API keys."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="Print a new key, once, alone on its line.")
        create.add_argument("name", help="What the key is for.")
        create.add_argument("--user", help="The person it stands for; the owner if left out.")
        actions.add_parser("list", help="List the keys by their first characters.")
        revoke = actions.add_parser("revoke", help="Have a key refused from now on.")
        revoke.add_argument("prefix", help="The key's first characters, as listed.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "create":
                self._create(name=options["name"], username=options["user"])
            case "revoke":
                self._revoke(options["prefix"])
            case _:
                for key in ApiKey.objects.select_related("user"):
                    state = "revoked" if key.revoked_at else "active"
                    self.stdout.write(f"{key.prefix}…  {key.name}  {key.user}  {state}")

    def _create(self, *, name: str, username: str | None) -> None:
        if not name.strip():
            msg = "Give the key a name."
            raise CommandError(msg)
        user = credentials.owner()
        if username:
            found = User.objects.filter(username=username, is_active=True).first()
            if found is None:
                msg = f"There is no active person {username!r}."
                raise CommandError(msg)
            user = found
        self.stdout.write(credentials.create_api_key(name=name, user=user))

    def _revoke(self, prefix: str) -> None:
        found = ApiKey.objects.filter(prefix=prefix, revoked_at=None)
        if found.update(revoked_at=timezone.now()) == 0:
            msg = f"There is no active key that begins with {prefix!r}."
            raise CommandError(msg)
        self.stdout.write(f"{prefix}… is refused from now on.")
