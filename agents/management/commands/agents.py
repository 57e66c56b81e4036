"""`manage.py agents`: list them, write them to a file, read them from one."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Literal

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from agents import documents
from agents.errors import AgentError
from agents.models import Agent

STANDARD = "-"


class Command(BaseCommand):
    """List, export and import agents."""

    help = "List agents, export them (export [SLUG …]), or import them (import FILE)."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="List the agents.")
        export = actions.add_parser("export", help="Write agents as JSON or YAML.")
        export.add_argument("slugs", nargs="*", help="Which ones; all if left out.")
        export.add_argument("--output", default=STANDARD, help="A file; the terminal if left out.")
        export.add_argument("--yaml", action="store_true", help="YAML; *.yaml files are that, too.")
        taken = actions.add_parser("import", help="Make the agents of a file: all, or none.")
        taken.add_argument("file", help="JSON or YAML; - for what comes in.")
        taken.add_argument(
            "--replace", action="store_true", help="Change those that are there already."
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "list":
                for agent in Agent.objects.all():
                    state = "" if agent.active else "  (switched off)"
                    self.stdout.write(f"{agent.slug}  {agent.name}  {agent.model}{state}")
            case "export":
                self._export(options["slugs"], options["output"], as_yaml=options["yaml"])
            case _:
                self._import(options["file"], replace=options["replace"])

    def _export(self, slugs: list[str], output: str, *, as_yaml: bool) -> None:
        found = list(Agent.objects.filter(slug__in=slugs) if slugs else Agent.objects.all())
        if missing := set(slugs) - {agent.slug for agent in found}:
            msg = f"There is no agent {min(missing)!r}."
            raise CommandError(msg)
        yaml = as_yaml or output.endswith((".yaml", ".yml"))
        form: Literal["json", "yaml"] = "yaml" if yaml else "json"
        text = documents.dump(found, form=form)
        if output == STANDARD:
            self.stdout.write(text, ending="")
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            msg = f"{output} can't be written: {error.strerror}."
            raise CommandError(msg) from error

    def _import(self, file: str, *, replace: bool) -> None:
        try:
            text = sys.stdin.buffer.read() if file == STANDARD else Path(file).read_bytes()
            made = documents.load(text, replace=replace)
        except OSError as error:
            msg = f"{file} can't be read: {error.strerror}."
            raise CommandError(msg) from error
        except AgentError as error:
            raise CommandError(str(error)) from error
        for agent in made:
            self.stdout.write(agent.slug)
