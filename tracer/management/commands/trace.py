"""`manage.py trace`: what has happened, a line an event; and what happens."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from typing_extensions import override

from tracer import queries
from tracer.events import kinds
from tracer.models import TraceEvent
from tracer.summary import line

LOOK_SECONDS = 0.5
OVERLAP = timedelta(seconds=30)  # what was committed late is not passed by
MOST = 100_000


class Command(BaseCommand):
    """Print events."""

    help = "Print events, a line each: of a thread, of a run, or of everything."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("of", nargs="?", help="A thread, a run, or a stream's name.")
        parser.add_argument("--kind", action="append", default=[], help="Only this kind; again.")
        parser.add_argument("--agent", help="Only of this agent.")
        parser.add_argument("--last", type=int, default=50, help="How many; 50 if left out.")
        parser.add_argument("--json", action="store_true", help="Whole events, JSON a line.")
        parser.add_argument("--follow", action="store_true", help="Go on with what happens.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["last"] <= MOST:
            msg = f"--last takes 1 to {MOST}."
            raise CommandError(msg)
        if unknown := set(options["kind"]) - set(kinds()):
            msg = f"There are no events of the kind {min(unknown)!r}."
            raise CommandError(msg)
        wanted = queries.Wanted(kinds=options["kind"], agent=options["agent"])
        found = queries.events(wanted, visible=_of(options["of"]))
        last = list(found.order_by("-at", "-stream", "-seq")[: options["last"]])[::-1]
        self._print(last, as_json=options["json"])
        if options["follow"]:
            with suppress(KeyboardInterrupt):
                self._follow(wanted, _of(options["of"]), last, as_json=options["json"])

    def _follow(
        self, wanted: queries.Wanted, visible: Q, seen: list[TraceEvent], *, as_json: bool
    ) -> None:
        """Print what is new, by each stream's numbers: by times alone, one could be passed by."""
        read = {event.stream: event.seq for event in seen}
        since = seen[-1].at if seen else timezone.now()
        while True:
            time.sleep(LOOK_SECONDS)
            recent = replace(wanted, since=since - OVERLAP)
            news = [
                event
                for event in queries.events(recent, visible=visible).order_by("at", "stream", "seq")
                if event.seq > read.get(event.stream, 0)
            ]
            self._print(news, as_json=as_json)
            for event in news:
                read[event.stream] = max(read.get(event.stream, 0), event.seq)
                since = max(since, event.at)

    def _print(self, events: Iterable[TraceEvent], *, as_json: bool) -> None:
        for event in events:
            self.stdout.write(_json(event) if as_json else line(event))
        self.stdout.flush()


def _of(name: str | None) -> Q:
    """Select the events of what was named."""
    if name is None:
        return Q()
    try:
        identity = UUID(name)
    except ValueError:
        return Q(stream=name)
    return Q(stream=f"thread:{identity}") | Q(correlation_id=identity)


def _json(event: TraceEvent) -> str:
    fields = {
        "id": str(event.id),
        "stream": event.stream,
        "seq": event.seq,
        "kind": event.kind,
        "at": event.at.isoformat(),
        "actor": event.actor,
        "correlation_id": str(event.correlation_id) if event.correlation_id else None,
        "causation_id": str(event.causation_id) if event.causation_id else None,
        "duration_ms": event.duration_ms,
        "data": event.data,
    }
    return json.dumps(fields, ensure_ascii=False)
