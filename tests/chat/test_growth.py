"""What a client is told of a growing answer: to the character, whatever gets lost."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chat.frames import Frame
from chat.growth import Growth
from tracer.frames import MAX_CHARACTERS
from tracer.live import Delta

TEXT = st.text(min_size=1, max_size=200)


def deltas(text: str, cuts: list[int], *, attempt: int = 1) -> list[Delta]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [
        Delta("s", "r", attempt, "m", start, text[start:end]) for start, end in pairwise(places)
    ]


class Client:
    """A client that does what the contract says."""

    def __init__(self) -> None:
        self.text = ""
        self.attempt = 0

    def take(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame["type"] == "snapshot" or frame["attempt"] > self.attempt:
                self.text, self.attempt = "", frame["attempt"]
            if frame["type"] == "snapshot":
                self.text = frame["text"]
            elif frame["type"] == "delta":
                assert frame["offset"] == len(self.text)
                self.text += frame["text"]


@given(text=TEXT, cuts=st.lists(st.integers(0, 1000)), data=st.data())
def test_lost_and_doubled_deltas_do_no_harm(
    text: str, cuts: list[int], data: st.DataObject
) -> None:
    growth, client = Growth(), Client()
    pieces = deltas(text, cuts)
    said = 0
    for delta in pieces:
        said = delta.offset + len(delta.text)
        fate = data.draw(st.sampled_from(["comes", "comes", "is lost", "comes twice"]))
        copies = {"comes": [delta], "is lost": [], "comes twice": [delta, delta]}[fate]
        frames, gap = growth.take(copies)
        client.take(frames)
        if gap:
            client.take(growth.snapshot("r", attempt=1, message="m", text=text[:said]))
    client.take(growth.snapshot("r", attempt=1, message="m", text=text))

    assert client.text == text


@given(first=TEXT, second=TEXT, cuts=st.lists(st.integers(0, 1000)))
def test_a_new_attempt_replaces_the_old_one(first: str, second: str, cuts: list[int]) -> None:
    growth, client = Growth(), Client()
    old, new = deltas(first, cuts), deltas(second, cuts, attempt=2)

    frames, gap = growth.take([*old, *new, *old])
    client.take(frames)

    assert not gap
    assert (client.text, client.attempt) == (second, 2)


def test_pieces_that_follow_each_other_are_one_frame() -> None:
    frames, _ = Growth().take(deltas("one two three", [4, 8]))

    assert [frame["text"] for frame in frames] == ["one two three"]


def test_frames_stay_small() -> None:
    text = "\x01" * (3 * MAX_CHARACTERS)

    frames, _ = Growth().take(deltas(text, []))
    caught_up = Growth().snapshot("r", attempt=1, message="m", text=text)

    assert [len(frame["text"]) for frame in frames] == [MAX_CHARACTERS] * 3
    assert [frame["type"] for frame in caught_up] == ["snapshot", "delta", "delta"]
    client = Client()
    client.take(caught_up)
    assert client.text == text


def test_behind_the_end_nothing_comes() -> None:
    growth = Growth()
    growth.end("r")

    assert growth.take(deltas("late", [])) == ([], False)
    assert growth.snapshot("r", attempt=1, message="m", text="late") == []


def test_an_older_snapshot_is_ignored() -> None:
    growth = Growth()
    growth.take(deltas("all of it", []))

    assert growth.snapshot("r", attempt=1, message="m", text="all") == []


@given(text=st.text(st.sampled_from("ab`\n #-*"), max_size=80), cuts=st.lists(st.integers(0, 99)))
def test_blocks_cover_the_text_in_order(text: str, cuts: list[int]) -> None:
    growth = Growth(html=True)
    covered = 0
    for delta in deltas(text, cuts):
        frames, _ = growth.take([delta])
        for frame in frames:
            if frame["type"] == "block":
                assert frame["start"] == covered < frame["end"] <= len(text)
                covered = frame["end"]


def test_a_fence_is_one_block() -> None:
    growth = Growth(html=True)
    text = "First.\n\n```py\na = 1\n\nb = 2\n```\n\nLast words."

    frames, _ = growth.take(deltas(text, []))

    (block,) = [frame for frame in frames if frame["type"] == "block"]
    assert text[block["end"] :] == "Last words."
    assert block["html"].count("<pre>") == 1
