"""Asking again when a model server fails, and somebody else when it goes on failing.

Only before the first token: what has been said is not taken back.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from agents.errors import LLMError
from agents.llm.request import Sink
from agents.messages import Reply

ELSEWHERE = frozenset({"unauthorized", "no_such_model"})  # no use to ask again, but others may do

logger = logging.getLogger(__name__)  # (structlog would take longer to load)


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient to be with a model server.

    Attributes:
        times: How often to ask again.
        first_seconds: The longest first pause; it doubles, and each is cut at random, so that
            many that were refused together don't come back together.
        longest_seconds: The longest pause. A server that asks for a longer one is given up.
    """

    times: int = 2
    first_seconds: float = 0.5
    longest_seconds: float = 30.0

    def pause(self, failures: int, error: LLMError) -> float | None:
        """Return how long to wait after so many failures; None to give up."""
        if not error.retryable or failures > self.times:
            return None
        if error.retry_after_seconds is not None:
            asked = error.retry_after_seconds
            return asked if asked <= self.longest_seconds else None
        longest = min(self.longest_seconds, self.first_seconds * 2 ** (failures - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311  (no secret)


async def persistently(
    models: Sequence[str],
    attempt: Callable[[str], Awaitable[Reply]],
    *,
    sink: Sink,
    retries: Retries,
) -> Reply:
    """Ask the first model, again if it fails, and then the others in turn.

    Args:
        models: Whom to ask, in this order.
        attempt: Asks one model, once.
        sink: Where the text goes: once something is there, an error is final.
        retries: How patient to be with each.

    Raises:
        LLMError: The last one's error.
    """
    before = sink.length
    for place, model in enumerate(models):
        last = place == len(models) - 1
        failures = 0
        while True:
            try:
                return await attempt(model)
            except LLMError as error:
                failures += 1
                if sink.length > before:
                    raise
                pause = retries.pause(failures, error)
                if pause is None:
                    if last or not (error.retryable or error.code in ELSEWHERE):
                        raise
                    logger.warning("%s is passed over: %s", model, error)
                    break
                logger.warning("%s is asked again in %.1f s: %s", model, pause, error)
            await asyncio.sleep(pause)
    msg = "No model was named."
    raise LLMError(msg, code="no_such_model")
