"""State as the sum of events: time travel, resume and rebuild are all this one function."""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import TypeVar

from tracer.events import Recorded

State = TypeVar("State")


def fold(
    events: Iterable[Recorded],
    step: Callable[[State, Recorded], State],
    initial: State,
    *,
    until: int | None = None,
) -> State:
    """Fold the events of one stream, in their order, into a state.

    Args:
        events: What `read` gives.
        step: Takes the state and the next event, returns the new state.
        initial: The state before the first event.
        until: The last seq to take in; all events if left out.
    """
    taken = (event for event in events if until is None or event.seq <= until)
    return reduce(step, taken, initial)
