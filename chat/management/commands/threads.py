"""`manage.py threads`: list them, write them to files, read them from one."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from agents.errors import AgentError
from chat import credentials, exports, gateway
from chat.errors import ChatError
from chat.files import dump, load_files
from chat.models import Thread, User

STANDARD = "-"
MOST_UNPACKED = 1_000_000_000


class Command(BaseCommand):
    """List, export and import threads."""

    help = "List threads, export them (export [ID …]), or import them (import FILE)."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", help="Whose; the owner's if left out.")
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="List the threads, the last used first.")
        export = actions.add_parser("export", help="Write threads as JSON or Markdown.")
        export.add_argument("ids", nargs="*", help="Which ones; all if left out.")
        export.add_argument("--output", default=STANDARD, help="A file; the terminal if left out.")
        export.add_argument("--markdown", action="store_true", help="To read, not to import.")
        taken = actions.add_parser("import", help="Make threads of a file.")
        taken.add_argument("file", help="Our JSON, or ChatGPT's export; - for what comes in.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = credentials.active_person(options["user"])
            match options["action"]:
                case "list":
                    for thread in Thread.objects.filter(owner=user):
                        told = f"{thread.id}  {thread.updated_at:%Y-%m-%d %H:%M}  {thread.agent}"
                        self.stdout.write(f"{told}  {thread.title or '-'}")
                case "export":
                    self._export(user, options)
                case _:
                    self._import(user, options["file"])
        except (ChatError, AgentError) as error:
            raise CommandError(str(error)) from error

    def _export(self, user: User, options: dict[str, Any]) -> None:
        threads = Thread.objects.filter(owner=user)
        chosen = [_one(user, text) for text in options["ids"]] or list(threads)
        if options["markdown"]:
            text = "\n".join(exports.as_markdown(thread) for thread in chosen)
        else:
            text = dump([exports.as_file(thread) for thread in chosen])
        if options["output"] == STANDARD:
            self.stdout.write(text, ending="")
            return
        try:
            Path(options["output"]).write_text(text, encoding="utf-8")
        except OSError as error:
            msg = f"{options['output']} can't be written: {error.strerror}."
            raise CommandError(msg) from error

    def _import(self, user: User, file: str) -> None:
        try:
            data = sys.stdin.buffer.read() if file == STANDARD else Path(file).read_bytes()
        except OSError as error:
            msg = f"{file} can't be read: {error.strerror}."
            raise CommandError(msg) from error
        for each in load_files(data, most_bytes=MOST_UNPACKED):
            thread = gateway.import_thread(each, owner=user, actor=f"user:{user.pk}")
            self.stdout.write(f"{thread.id}  {thread.title or '-'}")


def _one(user: User, text: str) -> Thread:
    try:
        found = Thread.objects.filter(owner=user, id=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        msg = f"There is no thread {text!r} of {user}."
        raise CommandError(msg)
    return found
