"""Texts as vectors. One that is too long is cut, and its pieces' vectors are pooled."""

import math
from collections.abc import Awaitable, Callable, Sequence

from agents.llm.tokenizer import Tokenizer

Vector = list[float]
Embed = Callable[[Sequence[str]], Awaitable[list[Vector]]]

MOST_TOKENS = 8_000  # what nearly every embedding model takes
OVERLAP = 0.1
BATCH = 64


async def embed_all(
    texts: Sequence[str], *, model: str, embed: Embed, most_tokens: int = MOST_TOKENS
) -> list[Vector]:
    """Embed texts of any length.

    Args:
        texts: The texts.
        model: Whose tokens are counted.
        embed: Embeds a few texts that are short enough.
        most_tokens: How long a text may be.

    Returns:
        A vector of length 1 for each text that was cut, the model's own for each other.
    """
    tokenizer = Tokenizer(model)
    pieces: list[str] = []
    places: list[range] = []
    for text in texts:
        cut = [text]
        if len(text) > most_tokens:  # a token has a character at least
            cut = tokenizer.pieces(text, most=most_tokens, overlap=int(most_tokens * OVERLAP))
        places.append(range(len(pieces), len(pieces) + len(cut)))
        pieces += cut
    vectors: list[Vector] = []
    for start in range(0, len(pieces), BATCH):
        vectors += await embed(pieces[start : start + BATCH])
    return [
        pooled([vectors[n] for n in place], [tokenizer.count(pieces[n]) for n in place])
        if len(place) > 1
        else vectors[place.start]
        for place in places
    ]


def pooled(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """Return the mean of vectors, by weight, brought to length 1."""
    total = sum(weights) or 1.0
    mean = [
        sum(value * weight for value, weight in zip(column, weights, strict=True)) / total
        for column in zip(*vectors, strict=True)
    ]
    length = math.sqrt(sum(value * value for value in mean))
    return [value / length for value in mean] if length else mean
