"""`manage.py signin`: print a link that signs the owner in."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from typing_extensions import override

from chat import credentials


class Command(BaseCommand):
    """Print a link that signs the owner in, once."""

    help = "Print a link that signs the owner in, once, within SIGNIN_MINUTES."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        token = credentials.sign_in_token(credentials.owner())
        host = "127.0.0.1" if settings.HOST == "0.0.0.0" else settings.HOST  # noqa: S104
        self.stdout.write(f"http://{host}:{settings.PORT}/?token={token}")
