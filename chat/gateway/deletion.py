"""Deleting a thread for good. That it was there stays in the stream; what it held does not."""

import json
import re
from uuid import UUID

from django.db import transaction

from agents import artifacts
from agents.events import MemoryUpdated, ToolFailed, ToolReturned
from chat import selectors
from chat.errors import HasForks, RunActive
from chat.events import ThreadDeleted
from chat.gateway.door import verb
from chat.models import Attachment, Remembered, Thread
from tracer.log import append, lock, mentioned, purge, read

NAME = re.compile(r"\b[0-9a-f]{32}\b")  # of a long result that is kept apart
RESULTS = (ToolReturned.kind, ToolFailed.kind)


@verb
def delete(thread: Thread, *, actor: str) -> None:
    """Delete a thread with everything in it: messages, runs, results, what agents kept of it.

    Raises:
        RunActive: A run is under way; wait for it, or stop it.
        HasForks: Other threads go on from this one.
        NoSuchThread: It is gone already.
    """
    with transaction.atomic():
        lock(thread.stream)
        thread = Thread.objects.get(id=thread.id)
        if selectors.active_runs(thread):
            raise RunActive
        if Thread.objects.filter(origin_id=thread.id).exists():
            raise HasForks
        results = _kept_results(thread)
        event = ThreadDeleted(
            thread=thread.id, owner=thread.owner_id, forgotten=tuple(_facts(thread))
        )
        (entry,) = append(thread.stream, event, actor=actor)
        purge(thread.stream, before=entry.seq)
        Attachment.objects.filter(thread=thread.id).delete()
        artifacts.discard(name for name in results if not mentioned(name, kinds=RESULTS))


def _facts(thread: Thread) -> list[UUID]:
    """Return the facts to forget: those kept in this thread and still there, or forgotten in it.

    One that was kept here and forgotten elsewhere is gone by that event already.
    """
    known = {
        entry.event.memory: entry.event.forgotten
        for entry in read(thread.stream, kinds=[MemoryUpdated.kind])
        if isinstance(entry.event, MemoryUpdated)
    }
    there = Remembered.objects.filter(forgotten=False, id__in=known)
    held = set(there.values_list("id", flat=True))
    return [memory for memory, forgotten in known.items() if forgotten or memory in held]


def _kept_results(thread: Thread) -> set[str]:
    """Return the names of long results that this thread's tools have given."""
    found: set[str] = set()
    for entry in read(thread.stream, kinds=RESULTS):
        found.update(NAME.findall(json.dumps(entry.event.payload())))
    return found
