"""What all verbs have in common: patience with the database, and limits of what is on its way."""

from collections.abc import Callable
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


def check_room(thread: Thread) -> None:
    """Refuse a run that there is no room for.

    The limits are counted without a lock: senders at the same moment may pass one by a few.

    Raises:
        QueueFull: Too many are on their way in this thread, of this person, or of everybody.
    """
    limits = (
        ("in this thread", settings.QUEUE_PER_THREAD, selectors.active_runs(thread).count),
        ("for you", settings.QUEUE_PER_OWNER, lambda: _count(owner=thread.owner_id)),
        ("for everybody", settings.QUEUE_TOTAL, _count),
    )
    for whose, limit, count in limits:
        if count() >= limit:
            raise QueueFull(whose, limit=limit, retry_after_seconds=RETRY_AFTER_SECONDS)


def _count(*, owner: int | None = None) -> int:
    return selectors.active_count(at_most=settings.QUEUE_TOTAL, owner=owner)
