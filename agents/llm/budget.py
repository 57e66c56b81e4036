"""What of a conversation has room in a model's window, and how it is made smaller."""

from collections.abc import Callable, Sequence

from agents.messages import Part, Turn

TOKENS_AN_IMAGE = 1_000
TOKENS_A_MESSAGE = 4
BYTES_A_TOKEN = 4  # of ordinary text, on the low side
SHORT_RESULTS = (4_000, 400)  # characters: first the one, then the other
HEAD = 0.7  # of what is kept of a text that is cut in its middle

Count = Callable[[str], int]


def estimate(text: str) -> int:
    """Return nearly how many tokens a text is, without a tokenizer; good in any script."""
    return len(text.encode()) // BYTES_A_TOKEN


def size(turn: Turn, count: Count) -> int:
    """Return how many tokens a turn takes, nearly."""
    tokens = TOKENS_A_MESSAGE + count(turn.content)
    if turn.thinking:
        tokens += count(turn.thinking)
    if turn.calls:
        tokens += sum(count(call.name) + count(call.arguments) for call in turn.calls)
    if turn.parts:
        tokens += sum(TOKENS_AN_IMAGE for part in turn.parts if part.image)
    return tokens


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


def cut(text: str, most: int) -> str:
    """Cut a text in its middle; the most that is kept is of its beginning.

    Args:
        text: The text.
        most: How many of its characters to keep; a remark tells how many are gone.
    """
    if len(text) <= most:
        return text
    head = int(most * HEAD)
    tail = most - head
    remark = f"\n[… {len(text) - most} characters are left out here …]\n"
    return text[:head] + remark + text[len(text) - tail :]


def shortened(turns: Sequence[Turn], *, most: int, count: Count = estimate) -> list[Turn]:
    """Cut results of tools, the oldest first, until a conversation has room, if that is enough.

    The results of the last round stay whole: they are what the model is about to read.

    Args:
        turns: The conversation.
        most: The tokens that there are.
        count: Counts a text's tokens.
    """
    kept = list(turns)
    size_now = _total(kept, count)
    asked = [place for place, turn in enumerate(kept) if turn.calls]
    old = [place for place in range(asked[-1] if asked else 0) if kept[place].role == "tool"]
    for limit in SHORT_RESULTS:
        for place in old:
            if size_now <= most:
                return kept
            before = kept[place]
            kept[place] = with_short_result(before, limit)
            size_now -= size(before, count) - size(kept[place], count)
    return kept


def with_short_result(turn: Turn, most: int) -> Turn:
    """Return a tool's result with at most so many characters; other turns as they are."""
    if turn.role != "tool" or len(turn.content) <= most:
        return turn
    return turn.model_copy(update={"content": cut(turn.content, most)})


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
