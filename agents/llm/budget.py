"""What of a conversation has room in a model's window."""

from collections.abc import Callable, Sequence

from agents.messages import Part, Turn

TOKENS_AN_IMAGE = 1_000
TOKENS_A_MESSAGE = 4

Count = Callable[[str], int]


def size(turn: Turn, count: Count) -> int:
    """Return how many tokens a turn takes, nearly."""
    images = sum(1 for part in turn.parts if part.image)
    calls = sum(count(call.name) + count(call.arguments) for call in turn.calls)
    return TOKENS_A_MESSAGE + count(turn.content) + calls + images * TOKENS_AN_IMAGE


def fit(turns: Sequence[Turn], *, most: int, count: Count) -> list[Turn]:
    """Return what has room of a conversation.

    System messages and the newest exchange are kept. First the pieces with the least priority
    go, then the oldest exchanges: a question goes with all that followed it, so that no tool's
    result is left without its call.

    Args:
        turns: The conversation.
        most: The tokens that there are.
        count: Counts a text's tokens.
    """
    kept = list(turns)
    while _total(kept, count) > most and (smaller := _without_least(kept)):
        kept = smaller
    system = [turn for turn in kept if turn.role == "system"]
    exchanges = _exchanges([turn for turn in kept if turn.role != "system"])
    room = most - _total(system, count)
    sizes = [_total(each, count) for each in exchanges]
    first = 0
    while first < len(exchanges) - 1 and sum(sizes[first:]) > room:
        first += 1
    return [*system, *(turn for exchange in exchanges[first:] for turn in exchange)]


def _total(turns: Sequence[Turn], count: Count) -> int:
    return sum(size(turn, count) for turn in turns)


def _exchanges(turns: Sequence[Turn]) -> list[list[Turn]]:
    """Cut a conversation before each message of the person."""
    found: list[list[Turn]] = []
    for turn in turns:
        if turn.role == "user" or not found:
            found.append([])
        found[-1].append(turn)
    return found


def _without_least(turns: Sequence[Turn]) -> list[Turn] | None:
    """Leave out the piece with the least priority, the oldest of several; None if there is none."""
    pieces = [
        (part.priority, place, number)
        for place, turn in enumerate(turns)
        for number, part in enumerate(turn.parts)
        if part.priority < 1.0
    ]
    if not pieces:
        return None
    _, place, number = min(pieces)
    turn = turns[place]
    parts: tuple[Part, ...] = (*turn.parts[:number], *turn.parts[number + 1 :])
    content = "\n\n".join(part.text for part in parts if part.text)
    smaller = turn.model_copy(update={"parts": parts, "content": content})
    return [*turns[:place], smaller, *turns[place + 1 :]]
