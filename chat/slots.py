"""Slots: of the many turns of a process, a few compute at a time, and the others wait.

Hundreds of turns wait for their models without a slot and without a database connection. Those
that have something to do take turns, so that they don't keep the loop that streams from the
processor, and a process needs no more connections than it has slots.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

SLOTS = 4

_slots = threading.BoundedSemaphore(SLOTS)
_mine = threading.local()


@contextmanager
def taken() -> Iterator[None]:
    """Have a slot for the block, but for the times at which this thread waits."""
    _slots.acquire()
    _mine.taken = True
    try:
        yield
    finally:
        _mine.taken = False
        _slots.release()


@contextmanager
def given_back() -> Iterator[None]:
    """Wait without a slot and without a connection: `agents.loop` does so around its waits."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
    if not getattr(_mine, "taken", False):
        yield
        return
    _slots.release()
    try:
        yield
    finally:
        _slots.acquire()
