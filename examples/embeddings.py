"""Compare texts by their vectors."""

import math

from common import broker, model

texts = ["A boat on the sea", "The sea and a boat", "Interest rates rise"]
first, second, third = broker().embed(model(__doc__), texts)


def likeness(one: list[float], other: list[float]) -> float:
    """Return how alike two vectors are: the cosine."""
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    lengths = math.hypot(*one) * math.hypot(*other)
    return dot / lengths


print(f"{len(first)} dimensions")
print(f"{texts[0]!r} and {texts[1]!r}: {likeness(first, second):.2f}")
print(f"{texts[0]!r} and {texts[2]!r}: {likeness(first, third):.2f}")
