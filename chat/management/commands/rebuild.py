"""`manage.py rebuild`: throw the rows of conversations away and fold them again."""

from argparse import ArgumentParser
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from typing_extensions import override

from chat.events import PREFIX
from chat.projections import MODELS, project
from tracer import log

BATCH = 500
SHOWN_DIFFERENCES = 10

Rows = dict[str, dict[str, Any]]


class Command(BaseCommand):
    """Fold the rows of threads, messages and runs from the stream again."""

    help = "Fold threads, messages and runs from the stream again; --check only compares."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Change nothing; fail if a row would differ."
        )

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            before = rows()
            events = refold()
            found = list(differences(before, rows()))
            if options["check"]:
                transaction.set_rollback(True)
        count = sum(map(len, before.values()))
        for line in found[:SHOWN_DIFFERENCES]:
            self.stdout.write(line)
        if options["check"] and found:
            msg = f"{len(found)} of {count} rows differ from their events."
            raise CommandError(msg)
        did = "compared" if options["check"] else "folded"
        self.stdout.write(f"{count} rows {did} with {events} events; {len(found)} differed.")


def refold() -> int:
    """Empty the projected tables and project every stream; return the number of events."""
    for model in reversed(MODELS):
        every = model._default_manager.all()  # noqa: SLF001  (Django's own name)
        every._raw_delete(every.db)  # noqa: SLF001  (no cascade: what points here stays)
    events = 0
    for stream in list(log.streams(PREFIX)):
        entries = log.read(stream)
        while page := list(islice(entries, BATCH)):
            project(page)
            events += len(page)
    return events


def differences(before: dict[str, Rows], after: dict[str, Rows]) -> list[str]:
    """Name the rows that are not the same."""
    found: list[str] = []
    for table, held in before.items():
        again = after[table]
        for key in sorted(held.keys() | again.keys()):
            was, now = held.get(key), again.get(key)
            if was == now:
                continue
            found.append(f"{table} {key}: {_what_differs(was or {}, now or {})}")
    return found


def _what_differs(was: dict[str, Any], now: dict[str, Any]) -> str:
    return ", ".join(name for name in was | now if was.get(name) != now.get(name))


def rows() -> dict[str, Rows]:
    """Return all projected rows as they stand, by table and key."""
    return {model.__name__: _rows_of(model) for model in MODELS}


def _rows_of(model: type[models.Model]) -> Rows:
    found = model._default_manager.values()  # noqa: SLF001  (Django's own name)
    return {str(row["id"]): dict(row) for row in found.iterator(chunk_size=BATCH)}
