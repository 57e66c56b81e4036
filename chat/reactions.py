"""What follows an event once it is committed. The list of who follows is in `apps.py`."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings

from chat import control, tasks
from chat.events import (
    PREFIX,
    RunCancelled,
    RunCancelRequested,
    RunCompleted,
    RunFailed,
    RunQueued,
    RunResumed,
)
from tracer import live
from tracer.events import Recorded


def announce(recorded: Sequence[Recorded]) -> None:
    """Tell every open client that the stream has grown."""
    live.announce(recorded)


def start_runs(recorded: Sequence[Recorded]) -> None:
    """Send a worker to the thread of a run that is queued, or that goes on."""
    ended = _ended(recorded)
    for entry in recorded:
        if isinstance(entry.event, RunQueued | RunResumed) and entry.event.run not in ended:
            tasks.run_turn.delay(thread_id=entry.stream.removeprefix(PREFIX))


def stop_runs(recorded: Sequence[Recorded]) -> None:
    """Tell the worker that has a run that it is to stop."""
    for entry in recorded:
        if isinstance(entry.event, RunCancelRequested):
            control.request(entry.event.run)


def name_threads(recorded: Sequence[Recorded]) -> None:
    """Have a thread named after its first answer."""
    if not settings.THREAD_TITLES:
        return
    queued = {entry.event.run for entry in recorded if isinstance(entry.event, RunQueued)}
    for entry in recorded:
        if isinstance(entry.event, RunCompleted) and entry.event.run not in queued:
            thread = entry.stream.removeprefix(PREFIX)
            tasks.name_thread.delay(thread_id=thread, run_id=str(entry.event.run))


def _ended(recorded: Sequence[Recorded]) -> set[UUID]:
    """Return the runs that have ended with these events: with its import, one does at once."""
    ends = (RunCompleted, RunFailed, RunCancelled)
    return {entry.event.run for entry in recorded if isinstance(entry.event, ends)}
