"""Tables as text in columns of fixed width."""

import unicodedata
from collections.abc import Sequence

GAP = "  "


def in_columns(rows: Sequence[Sequence[str]]) -> str:
    """Return a table as lines; below the first row stands a rule.

    Args:
        rows: Its cells, the head first. Rows may be of different lengths.
    """
    cells = [[" ".join(cell.split()) for cell in row] for row in rows]
    count = max(map(len, cells), default=0)
    filled = [[*row, *[""] * (count - len(row))] for row in cells]
    widths = [max(_width(row[column]) for row in filled) for column in range(count)]
    lines = [GAP.join(map(_padded, row, widths)).rstrip() for row in filled]
    rule = GAP.join("─" * max(width, 1) for width in widths)
    return "\n".join([*lines[:1], rule, *lines[1:]])


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    """Return how many columns a text takes: some characters take two, some none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    none = sum(unicodedata.combining(character) > 0 for character in text)
    return len(text) + wide - none
