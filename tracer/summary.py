"""An event as one line, to read."""

import json
from typing import Any

from tracer.models import TraceEvent

MOST_VALUE = 80
MOST_LINE = 240
IDS = frozenset(
    {"answer", "call", "client_id", "digest", "head", "message", "parent", "run", "thread"}
)


def line(event: TraceEvent) -> str:
    """Return an event in one line: when, what, who, the fields that say something, how long."""
    told = " ".join(
        f"{name}={_short(value)}"
        for name, value in event.data.items()
        if name not in IDS and value not in (None, "", [], {})
    )
    took = f"  ({event.duration_ms} ms)" if event.duration_ms is not None else ""
    who = event.actor or "-"
    return f"{event.at:%Y-%m-%d %H:%M:%S.%f} {event.kind:<22} {who:<16} {told}"[:MOST_LINE] + took


def _short(value: Any) -> str:  # noqa: ANN401  (whatever JSON there is)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= MOST_VALUE else text[: MOST_VALUE - 1] + "…"
