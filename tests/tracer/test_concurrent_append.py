"""Many writers at once: each stream has 1, 2, 3 … and every write is there."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracer.events import Noted
from tracer.errors import ConcurrentAppend
from tracer.log import append, last_seq, read
from tracer.models import Stream, TraceEvent

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("_committed"),
]

WRITERS = 6

plans = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(min_value=1, max_value=3)),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=plans)
def test_streams_have_no_gaps_whoever_writes(plan: list[tuple[str, int]]) -> None:
    before = {name: last_seq(name) for name in "ab"}

    def write(step: tuple[int, tuple[str, int]]) -> None:
        number, (stream, count) = step
        append(stream, *(Noted(text=f"{number}.{part}") for part in range(count)))
        connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, enumerate(plan)))

    expected = Counter(dict.fromkeys("ab", 0))
    for stream, count in plan:
        expected[stream] += count
    for stream in "ab":
        entries = list(read(stream, before[stream]))
        first = before[stream] + 1
        assert [entry.seq for entry in entries] == list(range(first, first + expected[stream]))


def test_of_writers_who_expect_the_same_end_one_wins() -> None:
    append("a", Noted())

    def try_to_write(number: int) -> bool:
        try:
            append("a", Noted(text=str(number)), expected_seq=1)
        except ConcurrentAppend:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(WRITERS) as pool:
        won = list(pool.map(try_to_write, range(WRITERS)))

    assert won.count(True) == 1
    assert last_seq("a") == 2
    assert TraceEvent.objects.filter(stream="a").count() == 2
    assert Stream.objects.get(name="a").last_seq == 2
