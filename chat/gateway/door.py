"""What all verbs have in common: patience with the database, and limits of what is on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError

from chat import selectors
from chat.errors import NoSuchThread, QueueFull, Unavailable
from chat.models import Thread
from tracer.steady import steadily

Given = ParamSpec("Given")
Result = TypeVar("Result")

PATIENCE_SECONDS = 3.0
RETRY_AFTER_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many runs of one person, and of everybody, are on their way."""

    owner: int
    everybody: int


def verb(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Make a function one of the gateway's: all or nothing, and a clear error for nothing.

    It raises `Unavailable` if the database doesn't answer for a while, and `NoSuchThread` if the
    thread was deleted meanwhile.
    """
    patient = steadily(PATIENCE_SECONDS)(function)

    @wraps(function)
    def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return patient(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            raise Unavailable from error
        except Thread.DoesNotExist as error:  # deleted while somebody was about to change it
            raise NoSuchThread from error

    return call


def crowd(thread: Thread) -> Crowd:
    """Count what is on its way, up to the limits.

    That is done without a lock, before one is taken that others wait for: senders at the same
    moment may pass a limit by a few.
    """
    most = settings.QUEUE_TOTAL
    owners = selectors.active_owners(at_most=most)
    return Crowd(owner=owners.count(thread.owner_id), everybody=len(owners))


def check_room(crowd: Crowd, *, in_thread: int) -> None:
    """Refuse a run that there is no room for.

    Args:
        crowd: What is on its way elsewhere.
        in_thread: What is on its way in the thread.

    Raises:
        QueueFull: Too many are on their way in this thread, of this person, or of everybody.
    """
    limits = (
        ("in this thread", settings.QUEUE_PER_THREAD, in_thread),
        ("for you", settings.QUEUE_PER_OWNER, crowd.owner),
        ("for everybody", settings.QUEUE_TOTAL, crowd.everybody),
    )
    for whose, limit, count in limits:
        if count >= limit:
            raise QueueFull(whose, limit=limit, retry_after_seconds=RETRY_AFTER_SECONDS)
