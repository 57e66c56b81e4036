"""Leases: one worker at a time sees to a thread, and the lease, not the queue, decides who.

A lease that is not renewed runs out within seconds. Its epoch grows with every holder, and
every append of a run checks it, so that a worker that was thought dead can't write.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from chat.errors import LeaseLost
from chat.models import Lease

TTL = timedelta(seconds=3.5)
_ACQUIRE = """
    INSERT INTO chat_lease (stream, holder, epoch, expires_at) VALUES (%s, %s, 1, %s)
    ON CONFLICT (stream) DO UPDATE SET
        holder = excluded.holder, epoch = chat_lease.epoch + 1, expires_at = excluded.expires_at
    WHERE chat_lease.holder = '' OR chat_lease.expires_at <= %s
    RETURNING epoch
"""
_RELEASE = "UPDATE chat_lease SET holder = '' WHERE stream = %s AND holder = %s AND epoch = %s"
# An update that changes nothing: it locks the row, and its count tells whether it is ours.
_FENCE = "UPDATE chat_lease SET epoch = epoch WHERE stream = %s AND holder = %s AND epoch = %s"


@dataclass(frozen=True, slots=True)
class Held:
    """A lease in our hands."""

    stream: str
    epoch: int


@lru_cache(maxsize=1)
def holder() -> str:
    """Return this process's name among all workers: the supervisor's for it, or one of its own."""
    return (
        os.environ.get("PARLEY_PROCESS")
        or f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    )


def acquire(stream: str) -> Held | None:
    """Take a stream's lease, unless somebody holds it."""
    now = timezone.now()
    with connection.cursor() as cursor:
        values = [stream, holder(), _time(now + TTL), _time(now)]
        cursor.execute(_ACQUIRE, values)
        taken = cursor.fetchone()
    return Held(stream, int(taken[0])) if taken else None


def _time(at: datetime) -> str | None:
    return connection.ops.adapt_datetimefield_value(at)


def release(held: Held) -> None:
    """Give a lease back, if it is still ours."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [held.stream, holder(), held.epoch])


def renew() -> int:
    """Renew all leases of this process; return how many it holds."""
    return Lease.objects.filter(holder=holder()).update(expires_at=timezone.now() + TTL)


def forfeit(gone: str) -> int:
    """Let all leases of a holder run out at once: its process is known to be gone.

    Args:
        gone: Its name.
    """
    return Lease.objects.filter(holder=gone).update(expires_at=timezone.now())


def fence(held: Held) -> None:
    """Make sure, until the surrounding transaction ends, that a lease is still ours.

    Raises:
        LeaseLost: Another worker has it by now.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FENCE, [held.stream, holder(), held.epoch])
        if cursor.rowcount != 1:
            raise LeaseLost(held.stream)


@contextmanager
def held(stream: str) -> Iterator[Held | None]:
    """Hold a stream's lease for the block; None if somebody else holds it."""
    taken = acquire(stream)
    try:
        yield taken
    finally:
        if taken is not None:
            release(taken)
