"""Unified diffs as models write them: line numbers that are off, white space that differs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.errors import ToolError

_HEADER = re.compile(r"^@@(?:\s+-(\d+)(?:,\d+)?\s+\+\d+(?:,\d+)?\s+@@.*|.*)$")
_SKIPPED = ("diff ", "index ", "--- ", "+++ ", "new file", "deleted file", "\\ No newline")
SHOWN_LINES = 4


@dataclass(slots=True)
class Hunk:
    """A piece of a diff: where it says that it stands, and what it turns into what."""

    start: int
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)  # sign and text, in order


def apply(text: str, diff: str) -> str:
    """Apply a unified diff to a text. A hunk is found by its lines, near where it says it is.

    Args:
        text: What is there.
        diff: The diff; its line numbers may be off or missing, its context may differ in the
            white space at the ends of lines.

    Raises:
        ToolError: It is no diff, or a hunk's lines are not there; the sentence says which.
    """
    hunks = parse(diff)
    ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    last = lines.pop() if lines[-1] == "" else None  # the text ends with a line's end, or is empty
    if not text:
        lines, last = [], ""
    moved, least = 0, 0
    for number, hunk in enumerate(hunks, 1):
        place = _place(lines, hunk, near=hunk.start - 1 + moved, least=least)
        if place is None:
            raise _missing(lines, hunk, number=number, count=len(hunks))
        put = _merged(lines[place : place + len(hunk.before)], hunk)
        lines[place : place + len(hunk.before)] = put
        moved += len(hunk.after) - len(hunk.before) + (place - (hunk.start - 1 + moved))
        least = place + len(put)
    return ending.join(lines if last is None else [*lines, ""] if lines else [])


def parse(diff: str) -> list[Hunk]:
    """Read the hunks of a diff.

    Raises:
        ToolError: There is none.
    """
    hunks: list[Hunk] = []
    for line in diff.replace("\r\n", "\n").strip("\n").split("\n"):
        if line.startswith("@@") and (header := _HEADER.match(line)):
            hunks.append(Hunk(int(header[1] or 1)))
        elif not hunks:
            if line.strip() and not line.startswith((*_SKIPPED, "```")):
                hunks.append(Hunk(1))
                _take(hunks[-1], line)
        elif not line.startswith(("\\ No newline", "```", "diff --git ")):
            _take(hunks[-1], line)
    changed = [hunk for hunk in hunks if any(sign != " " for sign, _ in hunk.changes)]
    if not changed:
        msg = "This is no unified diff: it has no lines that begin with '+' or '-' below an '@@'."
        raise ToolError(msg)
    return changed


def _take(hunk: Hunk, line: str) -> None:
    sign, text = (line[0], line[1:]) if line[:1] in {"+", "-", " "} else (" ", line)
    hunk.changes.append((sign, text))
    if sign != "+":
        hunk.before.append(text)
    if sign != "-":
        hunk.after.append(text)


def _place(lines: Sequence[str], hunk: Hunk, *, near: int, least: int) -> int | None:
    """Return where a hunk's lines stand, nearest to where it says; None if nowhere."""
    wanted = hunk.before
    if not wanted:
        return min(max(near, least), len(lines))
    places = range(least, len(lines) - len(wanted) + 1)
    for same in (str, str.rstrip, _squeezed):
        known = [same(line) for line in wanted]
        found = [
            place
            for place in places
            if [same(line) for line in lines[place : place + len(wanted)]] == known
        ]
        if found:
            return min(found, key=lambda place: abs(place - near))
    return None


def _squeezed(line: str) -> str:
    return " ".join(line.split())


def _merged(there: Sequence[str], hunk: Hunk) -> list[str]:
    """Return what a hunk leaves: lines of context stay as they are in the file."""
    put: list[str] = []
    kept = iter(there)
    for sign, text in hunk.changes:
        if sign == "+":
            put.append(text)
            continue
        line = next(kept)
        if sign == " ":
            put.append(line)
    return put


def _missing(lines: Sequence[str], hunk: Hunk, *, number: int, count: int) -> ToolError:
    near = max(0, min(hunk.start - 1, len(lines) - 1))
    there = "\n".join(
        f"{near + n + 1}: {line}" for n, line in enumerate(lines[near:][:SHOWN_LINES])
    )
    wanted = "\n".join(hunk.before[:SHOWN_LINES])
    return ToolError(
        f"Nothing was changed: hunk {number} of {count} doesn't apply. It looks for\n{wanted}\n"
        f"but near line {near + 1} there is\n{there}\nRead the file again and write the diff anew."
    )
