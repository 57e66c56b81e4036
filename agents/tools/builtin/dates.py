"""Words for dates into dates."""

import re
from datetime import date, datetime, time, timedelta

import dateparser

from agents.errors import ToolError
from agents.tools.context import ToolContext
from agents.tools.definition import tool

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = re.compile(
    rf"(?:(next|this|coming|on|last|past)\s+)?({'|'.join(WEEKDAYS)})", re.IGNORECASE
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
    resolved = _weekday(relative_date_found, start) or _parsed(relative_date_found, start)
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
