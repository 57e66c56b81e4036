"""Events stay as they are, whoever asks."""

import pytest
from django.db import DatabaseError, connection, transaction

from tests.tracer.events import Noted
from tracer.errors import ImmutableEvent
from tracer.log import append
from tracer.models import TraceEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> TraceEvent:
    append("a", Noted(text="fact"))
    return TraceEvent.objects.get()


def test_the_model_refuses_changes(event: TraceEvent) -> None:
    event.data = {"text": "lie"}
    with pytest.raises(ImmutableEvent, match="Append another one"):
        event.save()
    with pytest.raises(ImmutableEvent):
        event.delete()


def test_querysets_refuse_changes(event: TraceEvent) -> None:
    with pytest.raises(ImmutableEvent):
        TraceEvent.objects.update(kind="test.other")
    with pytest.raises(ImmutableEvent):
        TraceEvent.objects.bulk_update([event], ["kind"])
    with pytest.raises(ImmutableEvent):
        TraceEvent.objects.all().delete()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE tracer_traceevent SET kind = 'test.other'", "DELETE FROM tracer_traceevent"],
)
def test_the_database_refuses_changes(event: TraceEvent, statement: str) -> None:
    with pytest.raises(DatabaseError, match="never changed or deleted"), transaction.atomic():
        connection.cursor().execute(statement)

    event.refresh_from_db()
    assert event.data == {"text": "fact"}
