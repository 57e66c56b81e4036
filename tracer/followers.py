"""Who follows the stream: projectors in its transaction, reactors after its commit.

High layers register here (`chat/apps.py` has the list), so that the stream knows nobody.
"""

from collections.abc import Callable, Sequence

from tracer.events import Recorded

Follower = Callable[[Sequence[Recorded]], None]

_projectors: list[Follower] = []
_reactors: list[Follower] = []


def projector(follower: Follower) -> None:
    """Call `follower` with each append's events, inside the append's transaction."""
    _projectors.append(follower)


def reactor(follower: Follower) -> None:
    """Call `follower` with each append's events once they are committed.

    Reactors are called in the order of registration, each on its own: one that fails is
    logged and does not silence the next.
    """
    _reactors.append(follower)


def projectors() -> tuple[Follower, ...]:
    """Return those who project, in order."""
    return tuple(_projectors)


def reactors() -> tuple[Follower, ...]:
    """Return those who react, in order."""
    return tuple(_reactors)


def silence() -> None:
    """Have nobody react any more, in this process: for what fills a stream with the past."""
    _reactors.clear()
