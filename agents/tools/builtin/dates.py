"""Words for dates into dates."""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import dateparser

from agents.errors import ToolError
from agents.tools.context import ToolContext
from agents.tools.definition import tool

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = re.compile(
    rf"(?:(next|this|coming|on|last|past)\s+)?({'|'.join(WEEKDAYS)})", re.IGNORECASE
)
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_RELATIVE_MONTHS = {"the month": 0, "this month": 0, "next month": 1, "last month": -1}
COUNTED = (
    ("first", "1st"),
    ("second", "2nd"),
    ("third", "3rd"),
    ("fourth", "4th"),
    ("fifth", "5th"),
)
_ORDINALS = {"last": -1, "end": -1, "beginning": 0, "start": 0} | {
    word: number for number, words in enumerate(COUNTED) for word in words
}
_MONTH = "|".join([*MONTHS, *(month[:3] for month in MONTHS)])
_IN_A_MONTH = re.compile(
    r"(?:on |at |by )?(?:the )?"
    rf"(?:(?P<which>first|second|third|fourth|fifth|last|[1-5](?:st|nd|rd|th))\s"
    rf"(?P<what>day|{'|'.join(WEEKDAYS)})|(?P<edge>end|beginning|start))\s(?:of|in)\s"
    rf"(?P<month>(?:the|this|next|last)\smonth|{_MONTH})"
    r"(?:,?\s(?P<year>[12]\d{3}))?",
    re.IGNORECASE,
)


@tool(timeout_seconds=10, idempotent=True)
def resolve_date(
    context: ToolContext,
    relative_date_found: str,
    reference_date_in_iso8601: date | None = None,
) -> dict[str, str]:
    """Turn words such as "next Tuesday", "in 3 days" or "last month" into a calendar date.

    Args:
        context: The run.
        relative_date_found: The words that name the date.
        reference_date_in_iso8601: The day to count from, as YYYY-MM-DD; today if left out.
    """
    start = reference_date_in_iso8601 or context.today
    words = " ".join(relative_date_found.split())
    resolved = _weekday(words, start) or _in_a_month(words, start) or _parsed(words, start)
    if resolved is None:
        msg = (
            f"{relative_date_found!r} names no date that I know. "
            "Try words such as 'next Tuesday', 'in 3 days' or '1 December'."
        )
        raise ToolError(msg)
    return {
        "relative_date": relative_date_found,
        "resolved_date": resolved.isoformat(),
        "summary": f"The date of '{relative_date_found}', counted from {start.isoformat()}, "
        f"is {resolved:%A}, {resolved.isoformat()}.",
    }


def _weekday(words: str, start: date) -> date | None:
    """Count to the nearest such day after `start`, or before it with "last"."""
    found = _WEEKDAY.fullmatch(words.strip())
    if found is None:
        return None
    weekday = WEEKDAYS.index(found[2].lower())
    if (found[1] or "").lower() in {"last", "past"}:
        return start - timedelta(days=(start.weekday() - weekday) % 7 or 7)
    return start + timedelta(days=(weekday - start.weekday()) % 7 or 7)


def _in_a_month(words: str, start: date) -> date | None:
    """Count within a month: "last Friday of March", "the end of next month", "first day of May"."""
    found = _IN_A_MONTH.fullmatch(words)
    if found is None:
        return None
    which = _ORDINALS.get((found["which"] or found["edge"]).lower())
    what = (found["what"] or "day").lower()
    for year, month in _months(found["month"].lower(), found["year"], start):
        days = [
            date(year, month, day)
            for day in range(1, monthrange(year, month)[1] + 1)
            if what == "day" or WEEKDAYS[date(year, month, day).weekday()] == what
        ]
        if which is None or which >= len(days):
            msg = f"There is no {words!r}."
            raise ToolError(msg)
        resolved = days[which]
        if found["year"] or found["month"].lower() in _RELATIVE_MONTHS or resolved >= start:
            return resolved
    return None


def _months(name: str, year: str | None, start: date) -> Iterator[tuple[int, int]]:
    """Yield the year and month that a name means: of one without a year, the next ones."""
    if name in _RELATIVE_MONTHS:
        count = start.year * 12 + start.month - 1 + _RELATIVE_MONTHS[name]
        yield count // 12, count % 12 + 1
        return
    month = next(n for n, each in enumerate(MONTHS, 1) if each.startswith(name[:3]))
    yield int(year) if year else start.year, month
    yield start.year + 1, month


def _parsed(words: str, start: date) -> date | None:
    found = dateparser.parse(
        words,
        languages=["en"],
        settings={
            "RELATIVE_BASE": datetime.combine(start, time(12)),
            "PREFER_DATES_FROM": "future",
            "RETURN_AS_TIMEZONE_AWARE": False,
        },
    )
    return found.date() if found else None
