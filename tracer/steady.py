"""Patience with a database that is locked or away for a moment."""

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

Given = ParamSpec("Given")
Result = TypeVar("Result")

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

logger = structlog.get_logger(__name__)


def steadily(
    patience_seconds: float,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """Have a function called again, for a while, when the database doesn't answer.

    The function is a whole transaction, or it would be done by half. Within a transaction of the
    caller it is called once: the caller has to begin again.

    Args:
        patience_seconds: How long to go on trying.
    """

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        @wraps(function)
        def call(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            deadline = time.monotonic() + patience_seconds
            pause = FIRST_PAUSE_SECONDS
            while True:
                try:
                    return function(*args, **kwargs)
                except (OperationalError, InterfaceError) as error:
                    if connection.in_atomic_block or time.monotonic() + pause > deadline:
                        raise
                    logger.warning("database_away", error=str(error))
                    connection.close()  # the next one is made anew
                time.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

        return call

    return decorate
