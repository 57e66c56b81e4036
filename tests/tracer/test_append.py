"""Appending: numbers without gaps, all or nothing, followers in their place."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from django.db import transaction
from pydantic import ValidationError

from tests.tracer.events import Noted
from tracer import followers
from tracer.errors import ConcurrentAppend, UnknownKind
from tracer.events import Event, Recorded, kinds, load
from tracer.fold import fold
from tracer.log import append, last_seq, read

pytestmark = pytest.mark.django_db


def texts(stream: str, after: int = 0) -> list[str]:
    return [e.event.text for e in read(stream, after) if isinstance(e.event, Noted)]


def test_numbers_begin_at_one_and_have_no_gaps() -> None:
    append("a", Noted(text="one"))
    append("a", Noted(text="two"), Noted(text="three"))
    append("b", Noted(text="other"))

    assert [entry.seq for entry in read("a")] == [1, 2, 3]
    assert [entry.seq for entry in read("b")] == [1]
    assert last_seq("a") == 3
    assert last_seq("nothing") == 0


def test_what_is_read_is_what_was_appended() -> None:
    run, cause = uuid4(), uuid4()

    (written,) = append(
        "a",
        Noted(text="grüße 🙂"),
        actor="user:1",
        correlation_id=run,
        causation_id=cause,
        durations_ms=[12],
    )

    assert list(read("a")) == [written]
    assert written.event == Noted(text="grüße 🙂")
    assert (written.correlation_id, written.causation_id) == (run, cause)
    assert (written.actor, written.duration_ms) == ("user:1", 12)


def test_reading_begins_behind_a_seq_and_ends_at_another() -> None:
    append("a", *(Noted(text=str(number)) for number in range(1, 6)))

    assert texts("a", after=3) == ["4", "5"]
    assert [entry.seq for entry in read("a", 1, until=3)] == [2, 3]
    assert list(read("a", kinds=["other"])) == []


def test_an_append_to_a_stream_that_has_grown_is_refused() -> None:
    append("a", Noted(text="mine"), expected_seq=0)
    append("a", Noted(text="theirs"))

    with pytest.raises(ConcurrentAppend, match="expected to end at 1, but it ends at 2"):
        append("a", Noted(text="late"), expected_seq=1)

    assert texts("a") == ["mine", "theirs"]


def test_a_rolled_back_append_leaves_no_gap() -> None:
    append("a", Noted(text="one"))

    def fail() -> None:
        with transaction.atomic():
            append("a", Noted(text="lost"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    append("a", Noted(text="two"))

    assert [entry.seq for entry in read("a")] == [1, 2]
    assert texts("a") == ["one", "two"]


def test_no_event_is_no_append() -> None:
    assert append("a") == []
    assert last_seq("a") == 0


def test_a_projector_that_fails_takes_the_append_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Sequence[Recorded]) -> None:
        raise RuntimeError

    monkeypatch.setattr(followers, "_projectors", [refuse])

    with pytest.raises(RuntimeError):
        append("a", Noted())

    assert list(read("a")) == []


@pytest.mark.usefixtures("_committed")
@pytest.mark.django_db(transaction=True)
def test_a_reactor_that_fails_does_not_silence_the_next(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[int] = []

    def refuse(_: Sequence[Recorded]) -> None:
        raise RuntimeError

    def hear(recorded: Sequence[Recorded]) -> None:
        heard.extend(entry.seq for entry in recorded)

    monkeypatch.setattr(followers, "_reactors", [refuse, hear])
    append("a", Noted(), Noted())

    assert heard == [1, 2]
    assert "Error calling" in caplog.text


def test_a_fold_can_end_at_any_event() -> None:
    append("a", *(Noted(text=str(number)) for number in range(1, 6)))

    def join(text: str, entry: Recorded) -> str:
        return text + (entry.event.text if isinstance(entry.event, Noted) else "")

    assert fold(read("a"), join, "") == "12345"
    assert fold(read("a"), join, "", until=3) == "123"


def test_an_event_survives_the_bus() -> None:
    (written,) = append("a", Noted(text="x"), actor="me", correlation_id=uuid4())

    assert Recorded.unpack("a", written.pack()) == written


def test_a_kind_is_declared_once() -> None:
    with pytest.raises(TypeError, match=r"claims the kind 'test\.noted' of Noted"):
        type("Again", (Event,), {"kind": "test.noted", "__module__": __name__})

    assert "test.noted" in kinds()


def test_unknown_kinds_and_fields_are_refused() -> None:
    with pytest.raises(UnknownKind, match=r"test\.nothing"):
        load("test.nothing", {})
    with pytest.raises(ValidationError):
        load("test.noted", {"text": "x", "more": 1})
