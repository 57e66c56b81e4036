"""`manage.py up`: everything that Parley needs, under one parent, with one log."""

import fcntl
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connections
from typing_extensions import override

from chat import credentials
from config.children import ForkServer
from config.env import ConfigError
from config.services import check_database, services
from config.supervisor import Supervisor


class Command(BaseCommand):
    """Run Redis, the web server, a worker and beat until Ctrl-C."""

    help = "Run everything: Redis (if none is given), the web server, a worker, beat."
    requires_system_checks = []

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="The port, instead of PARLEY_PORT.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        if options["port"] is not None:
            settings.PORT = options["port"]
        with _the_only_one():
            check_database(settings.DATABASE_URL)
            processes = services()
            with ForkServer() as forks:  # it loads while the database is made ready
                self._prepare()
                supervisor = Supervisor(processes, write=self._say, forks=forks)
                supervisor.run(started=self._print_link)
        self._say("parley  | Everything has ended.")

    def _prepare(self) -> None:
        try:
            call_command("prepare", stdout=self.stdout)
        except DatabaseError as error:
            msg = f"The database can't be used: {error}. Check DATABASE_URL."
            raise ConfigError(msg.replace("\n", " ")) from error
        finally:
            connections.close_all()

    def _print_link(self) -> None:
        token = credentials.sign_in_token(credentials.owner())
        connections.close_all()
        host = "127.0.0.1" if settings.HOST == "0.0.0.0" else settings.HOST  # noqa: S104
        minutes = settings.SIGNIN_SECONDS // 60
        self._say("")
        self._say(f"Open http://{host}:{settings.PORT}/?token={token}")
        self._say(f"(good once, for {minutes} minutes; `manage.py signin` prints another)")
        self._say("")

    def _say(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


@contextmanager
def _the_only_one() -> Iterator[None]:
    """Hold the data folder for this process.

    Raises:
        ConfigError: Parley runs from there already.
    """
    path = settings.DATA_DIR / "up.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"Parley already runs from {settings.DATA_DIR}. Stop it first."
            raise ConfigError(msg) from error
        yield
