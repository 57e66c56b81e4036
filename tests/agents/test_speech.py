"""What a model says and what it thinks, however its pieces are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from agents.llm import TextSink
from agents.llm.speech import Speech


class Watching(TextSink):
    """A sink that checks where thoughts stand."""

    @override
    def think(self, text: str, offset: int) -> None:
        assert offset == len(self.thoughts)
        super().think(text, offset)


def spoken(text: str, cuts: list[int]) -> tuple[str, str]:
    sink = Watching()
    speech = Speech(sink)
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        speech.say(text[start:end])
    speech.end()
    assert (sink.thoughts, sink.text) == (speech.thoughts, speech.content)
    return speech.thoughts, speech.content


CUTS = st.lists(st.integers(0, 1_000), max_size=60)


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("Plain.", "", "Plain."),
        ("\n Plain <think>.</think>", "", "\n Plain <think>.</think>"),
        ("<think>Let me see.</think>42", "Let me see.", "42"),
        ("\n<think>\nLet < me </ see.\n</think>\n\n42 <think>", "Let < me </ see.\n", "42 <think>"),
        ("<think></think>42", "", "42"),
        ("<think>It was cut", "It was cut", ""),
        ("<think>It was cut </thi", "It was cut </thi", ""),
        ("<thin", "", "<thin"),
        ("<", "", "<"),
        ("<b>bold</b>", "", "<b>bold</b>"),
        ("  ", "", "  "),
        ("<think>🙂</think>  ", "🙂", ""),
    ],
)
@given(cuts=CUTS)
def test_thoughts_between_marks_are_thoughts(
    text: str, thought: str, said: str, cuts: list[int]
) -> None:
    thoughts, content = spoken(text, cuts)

    assert thoughts.strip("\n") == thought.strip("\n")
    assert content == said


@given(text=st.text(), cuts=CUTS)
def test_nothing_is_lost_or_moved(text: str, cuts: list[int]) -> None:
    whole = Speech(TextSink())
    whole.say(text)
    whole.end()

    _, said = spoken(text, cuts)

    assert said == whole.content


def test_thoughts_have_places_of_their_own() -> None:
    sink = Watching()
    speech = Speech(sink)

    for piece in ("Let ", "\ud83d", "\ude42", " see."):
        speech.think(piece)
    speech.say("42")
    speech.end()

    assert (speech.thoughts, speech.content) == ("Let 🙂 see.", "42")
