"""Events come out the same, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.llm.sse import MAX_LINE_BYTES, EventSplitter, LineTooLong

payloads = st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))


@given(texts=payloads, data=st.data(), ending=st.sampled_from(["\n", "\r\n"]))
def test_events_do_not_depend_on_the_cuts(
    texts: list[str], data: st.DataObject, ending: str
) -> None:
    texts = [text.strip() or "x" for text in texts]
    lines = "".join(f": ping{ending}data: {text}{ending}{ending}" for text in texts).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(lines)))) | {0, len(lines)})
    splitter = EventSplitter()

    found = [event for a, b in pairwise(cuts) for event in splitter.feed(lines[a:b])]

    assert [event.decode() for event in found + splitter.end()] == texts


def test_a_last_event_without_its_blank_line_counts() -> None:
    splitter = EventSplitter()

    assert splitter.feed(b'data:{"a":1}\ndata: 2') == []
    assert splitter.end() == [b'{"a":1}\n2']


def test_a_line_without_an_end_is_refused() -> None:
    splitter = EventSplitter()
    with pytest.raises(LineTooLong):
        splitter.feed(b"x" * (MAX_LINE_BYTES + 1))
