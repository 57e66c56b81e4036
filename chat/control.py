"""The stop button's wire: from any process to the worker that has the run."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from agents.cancellation import Cancellation
from tracer import live

CHANNEL = "parley:control"

Untyped = Any  # redis-py has no types for what listens

_running: dict[UUID, Cancellation] = {}
_leaving = threading.Event()


@contextmanager
def watched(run: UUID) -> Iterator[Cancellation]:
    """Let a run of this process be stopped while the block lasts."""
    cancellation = Cancellation()
    _running[run] = cancellation
    try:
        yield cancellation
    finally:
        _running.pop(run, None)


def running() -> list[UUID]:
    """Return the runs of this process."""
    return list(_running)


def cancel(run: UUID) -> None:
    """Stop a run of this process; another's is none of our business."""
    if cancellation := _running.get(run):
        cancellation.cancel()


def leave() -> None:
    """Take no more runs in this process: it is about to end."""
    _leaving.set()


def leaving() -> bool:
    """Whether this process takes no more runs."""
    return _leaving.is_set()


def hand_over() -> int:
    """End all runs of this process, so that they go on elsewhere; return how many there were."""
    ours = list(_running.values())
    for cancellation in ours:
        cancellation.hand_over()
    return len(ours)


def request(run: UUID) -> None:
    """Tell every worker that a run is to stop; the one that has it obeys."""
    live.connection().publish(CHANNEL, str(run))


def listen() -> Iterator[UUID]:
    """Yield the runs that are to stop, for as long as Redis answers."""
    client: Untyped = live.connection()
    with client.pubsub(ignore_subscribe_messages=True) as listening:
        listening.subscribe(CHANNEL)
        while True:
            if message := listening.get_message(timeout=1.0):
                yield UUID(str(message["data"], "ascii"))
