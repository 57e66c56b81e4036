"""What is shown of an answer under way."""

from typing import Any

import pytest

from telegram_bot.watching import Progress
from tests.support.telegram_html import text_of

RUN = "r1"


def event(kind: str, **data: Any) -> dict[str, Any]:
    """Make the frame of an event."""
    return {"type": "event", "kind": kind, "correlation_id": RUN, "data": data}


def delta(text: str, offset: int, *, attempt: int = 1, run: str = RUN) -> dict[str, Any]:
    """Make the frame of a piece of text."""
    return {"type": "delta", "run": run, "attempt": attempt, "offset": offset, "text": text}


@pytest.fixture
def progress() -> Progress:
    """A run that has begun."""
    made = Progress(RUN)
    made.take(event("run.started"))
    return made


def test_the_text_grows_and_begins_anew_with_an_attempt(progress: Progress) -> None:
    progress.take(delta("Hel", 0))
    progress.take(delta("lo", 3))
    progress.take(delta("of another run", 0, run="r2"))
    assert (progress.text, progress.working) == ("Hello", True)
    progress.take(delta("Once", 0, attempt=2))
    assert progress.text == "Once"
    progress.take({"type": "snapshot", "run": RUN, "attempt": 2, "text": "Once more"})
    assert progress.html() == "Once more"


def test_who_waits_for_a_person_is_not_at_work(progress: Progress) -> None:
    progress.take(event("run.waiting"))
    assert not progress.working
    progress.take(event("run.resumed"))
    assert progress.working


@pytest.mark.parametrize("kind", ["run.completed", "run.failed", "run.cancelled"])
def test_it_ends_with_the_run(progress: Progress, kind: str) -> None:
    progress.take({**event(kind), "correlation_id": "r2"})
    assert not progress.ended
    progress.take(event(kind))
    assert progress.ended


def test_a_tool_at_work_is_named(progress: Progress) -> None:
    progress.take(event("tool.called", name="fetch_<url>"))
    assert text_of(progress.html()) == "⚙️ fetch_<url> …"
    progress.take(delta("So far", 0))
    assert text_of(progress.html()) == "So far\n\n⚙️ fetch_<url> …"
    progress.take(event("tool.returned", name="fetch_<url>"))
    assert progress.html() == "So far"


def test_of_a_long_text_the_end_is_shown_and_half_open_code_is_whole(progress: Progress) -> None:
    progress.take(delta("Begin\n\n" + "word " * 1_000 + "\n\n```python\nprint(1", 0))

    shown = text_of(progress.html())
    assert shown.startswith("…")
    assert shown.endswith("print(1")
    assert len(shown) < 4_096
