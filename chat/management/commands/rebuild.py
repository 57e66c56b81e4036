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
            before = _rows()
            events = refold()
            found = list(differences(before, _rows()))
            if options["check"]:
                transaction.set_rollback(True)
        count = sum(len(rows) for rows in before.values())
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
        rows = model._default_manager.all()  # noqa: SLF001  (Django's own name)
        rows._raw_delete(rows.db)  # noqa: SLF001  (no cascade: what points here stays)
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
    for table, rows in before.items():
        again = after[table]
        for key in sorted(rows.keys() | again.keys()):
            was, now = rows.get(key), again.get(key)
            if was == now:
                continue
            fields = [
                name
                for name in (was or now or {})
                if (was or {}).get(name) != (now or {}).get(name)
            ]
            found.append(f"{table} {key}: {', '.join(fields)}")
    return found


def _rows() -> dict[str, Rows]:
    return {model.__name__: _rows_of(model) for model in MODELS}


def _rows_of(model: type[models.Model]) -> Rows:
    rows = model._default_manager.values()  # noqa: SLF001  (Django's own name)
    return {str(row["id"]): dict(row) for row in rows.iterator(chunk_size=BATCH)}
