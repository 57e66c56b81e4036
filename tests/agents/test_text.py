"""Text that any database takes, in whatever pieces it comes."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents.llm import TextSink
from agents.llm.wire import Assembly
from agents.text import Cleaner, clean, clean_json, is_storable

ANYTHING = st.text(st.characters(exclude_categories=[]))


@given(ANYTHING)
def test_what_is_cleaned_can_be_stored(text: str) -> None:
    cleaned = clean(text)

    assert is_storable(cleaned)
    assert clean(cleaned) == cleaned
    if is_storable(text):
        assert cleaned == text


@given(text=st.text(), cuts=st.sets(st.integers(0, 400)))
def test_pairs_that_are_split_between_pieces_come_together(text: str, cuts: set[int]) -> None:
    units = text.replace("\x00", "").encode("utf-16-le")
    places = sorted({0, len(units), *(cut * 2 for cut in cuts if cut * 2 <= len(units))})
    pieces = [
        units[start:end].decode("utf-16-le", "surrogatepass") for start, end in pairwise(places)
    ]
    cleaner = Cleaner()

    assert "".join([*map(cleaner.feed, pieces), cleaner.end()]) == text.replace("\x00", "")


def test_values_are_cleaned_all_through() -> None:
    assert clean_json({"a\x00": ["\ud83d", 1, None]}) == {"a\ufffd": ["\ufffd", 1, None]}


def test_an_answer_with_broken_pieces_is_whole() -> None:
    sink = TextSink()
    assembly = Assembly(sink)
    for piece in (r'"a\ud83d"', r'"\ude00b\u0000"', r'"\ud83d"'):
        assembly.take({"choices": [{"delta": {"content": json.loads(piece)}}]})

    assert assembly.reply().content == sink.text == "a\U0001f600b\ufffd\ufffd"
