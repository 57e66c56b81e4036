"""What scripts use beside the broker: tokens, embeddings, messages, sessions, recordings."""

import base64
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import LLMError
from agents.llm import Asking, Broker, Endpoint, Retries, Timeouts
from agents.llm.budget import cut, estimate, fit, shortened, size
from agents.llm.content import MessageBuilder
from agents.llm.embeddings import embed_all, pooled
from agents.llm.providers.demo import Demo
from agents.llm.providers.openai_compatible import OpenAICompatible
from agents.llm.providers.replay import Record, Replay
from agents.llm.session import ChatSession
from agents.llm.tokenizer import Tokenizer, encoding_of
from agents.llm.wire import message
from agents.messages import Part, ToolCall, Turn
from agents.tools.registry import registry
from tests.support.stand_in import StandIn, script

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


# Tokens -----------------------------------------------------------------------------------------


@settings(deadline=None)  # the encodings are read once
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_text_goes_to_tokens_and_back(text: str) -> None:
    for model in ("gpt-4", "openai/gpt-4o"):
        tokenizer = Tokenizer(model)
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.count(text) == len(tokenizer.encode(text))


def test_each_model_has_its_encoding() -> None:
    assert encoding_of("openai/gpt-4o-mini") == "o200k_base"
    assert encoding_of("gpt-4") == encoding_of("anthropic/claude") == "cl100k_base"
    assert Tokenizer().encode("hello world") == [15339, 1917]


def test_a_text_is_cut_into_pieces() -> None:
    text = " ".join(str(number) for number in range(1_000))
    tokenizer = Tokenizer()

    pieces = tokenizer.pieces(text, most=100)

    assert "".join(pieces) == text
    assert all(tokenizer.count(piece) <= 101 for piece in pieces)
    with pytest.raises(ValueError, match="can't begin"):
        tokenizer.pieces(text, most=10, overlap=10)


# Embeddings -------------------------------------------------------------------------------------


async def test_a_text_that_is_too_long_is_cut_and_pooled() -> None:
    asked: list[str] = []

    async def embed(texts: "list[str]") -> list[list[float]]:
        asked.extend(texts)
        return [[1.0, 0.0] if "alpha" in text else [0.0, 2.0] for text in texts]

    long = "alpha " * 50 + "beta " * 50

    short, cut = await embed_all(["short", long], model="", embed=embed, most_tokens=20)  # type: ignore[arg-type]

    assert short == [0.0, 2.0]
    assert len(asked) > 5
    assert math.isclose(math.hypot(*cut), 1.0)
    assert all(value > 0 for value in cut)


def test_pooling_goes_by_weight() -> None:
    assert pooled([[1.0, 0.0], [0.0, 1.0]], [1, 0]) == [1.0, 0.0]
    assert pooled([[0.0, 0.0]], [1]) == [0.0, 0.0]


def test_the_demo_embeds_and_lists_offline() -> None:
    broker = Broker()

    same, again, other = broker.embed("demo/x", ["a red boat", "boat, red a", "green hills"])

    assert same == again
    assert sum(a * b for a, b in zip(same, other, strict=True)) < 0.5
    assert broker.models() == {"demo": ["demo/assistant"]}


# Messages ---------------------------------------------------------------------------------------


def test_a_message_is_built_of_pieces(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print('```')\n")
    (tmp_path / "b.txt").write_text("plain")
    (tmp_path / "c.bin").write_bytes(b"\0\1")
    (tmp_path / "t.txt").write_text("Dear {name},")
    (tmp_path / "p.png").write_bytes(PIXEL)

    turn = (
        MessageBuilder("Look:")
        .files(tmp_path, "[abc].*")
        .template(tmp_path / "t.txt", name="Ada")
        .template("{n} times", n=3)
        .image(tmp_path / "p.png")
        .image(PIXEL)
        .image("https://example.org/x.jpg")
        .build()
    )

    written = message(turn)["content"]
    texts = [piece["text"] for piece in written if piece["type"] == "text"]
    assert texts[1] == f"{tmp_path / 'a.py'}\n````python\nprint('```')\n\n````"
    assert texts[2].endswith("```\nplain\n```")
    assert texts[3:] == ["Dear Ada,", "3 times"]
    images = [piece["image_url"]["url"] for piece in written if piece["type"] == "image_url"]
    assert images[0] == images[1] == "data:image/png;base64," + base64.b64encode(PIXEL).decode()
    assert images[2] == "https://example.org/x.jpg"
    assert MessageBuilder("only text").build() == Turn(role="user", content="only text")


def test_what_is_no_image_or_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"\0\1\2")

    with pytest.raises(ValueError, match="no image"):
        MessageBuilder().image(tmp_path / "x.bin")
    with pytest.raises(ValueError, match="no image"):
        MessageBuilder().image(b"hello")
    with pytest.raises(ValueError, match="binary"):
        MessageBuilder().file(tmp_path / "x.bin")
    with pytest.raises(KeyError):
        MessageBuilder().template("{missing}")


def test_what_is_for_people_goes_to_no_model() -> None:
    parts = (Part(text="for both"), Part(text="for people", audience=("person",)))

    assert message(Turn(role="user", content="x", parts=parts))["content"] == [
        {"type": "text", "text": "for both"}
    ]


# Room -------------------------------------------------------------------------------------------

CALL = ToolCall(id="1", name="calculator", arguments="{}")


def test_the_oldest_exchange_goes_with_its_results() -> None:
    turns = [
        Turn(role="system", content="s" * 10),
        Turn(role="user", content="u" * 50),
        Turn(role="assistant", calls=(CALL,)),
        Turn(role="tool", call_id="1", content="r" * 50),
        Turn(role="assistant", content="a" * 50),
        Turn(role="user", content="new"),
    ]

    kept = fit(turns, most=100, count=len)

    assert [turn.role for turn in kept] == ["system", "user"]
    assert fit(turns, most=1_000, count=len) == turns
    assert fit(turns, most=1, count=len)[-1].content == "new"


@given(
    st.lists(
        st.tuples(st.sampled_from(["user", "assistant", "round"]), st.integers(0, 40)), max_size=20
    ),
    st.integers(1, 400),
)
def test_no_result_is_left_without_its_call(shape: list[tuple[str, int]], most: int) -> None:
    turns = [Turn(role="user", content="first")]
    for number, (kind, length) in enumerate(shape):
        if kind == "round":
            call = CALL.model_copy(update={"id": str(number)})
            turns.append(Turn(role="assistant", calls=(call,)))
            turns.append(Turn(role="tool", call_id=call.id, content="r" * length))
        else:
            turns.append(Turn.model_validate({"role": kind, "content": "x" * length}))

    kept = fit(turns, most=most, count=len)

    called = {call.id for turn in kept for call in turn.calls}
    assert {turn.call_id for turn in kept if turn.role == "tool"} == called
    assert kept[-1] == turns[-1]
    newest = max(n for n, turn in enumerate(turns) if turn.role == "user")
    fits = sum(size(turn, len) for turn in kept) <= most
    assert fits or kept == turns[newest:]


def test_the_least_important_pieces_go_first() -> None:
    parts = (
        Part(text="k" * 50),
        Part(text="d" * 50, priority=0.1),
        Part(text="m" * 50, priority=0.5),
    )
    turn = Turn(role="user", content="x" * 154, parts=parts)

    (kept,) = fit([turn], most=120, count=len)

    assert [part.text[0] for part in kept.parts] == ["k", "m"]


@pytest.mark.parametrize("most", [0, 1, 2, 3, 50, 99])
def test_a_text_is_cut_in_its_middle(most: int) -> None:
    text = "".join(chr(33 + number) for number in range(100))

    short = cut(text, most)

    head, _, rest = short.partition("\n[… ")
    tail = rest.rpartition(" …]\n")[2]
    assert len(head) + len(tail) == most
    assert text.startswith(head)
    assert text.endswith(tail)
    assert f"{100 - most} characters" in rest
    assert cut(text, 100) == text


def test_an_estimate_counts_every_script() -> None:
    assert estimate("word" * 100) == 100
    assert estimate("日本語" * 100) == 225


def test_results_are_cut_no_further_than_they_must() -> None:
    call = ToolCall(id="a", name="read")
    old = [
        Turn(role="assistant", calls=(call,)),
        Turn(role="tool", call_id="a", content="y" * 10_000),
    ]
    turns = [Turn(role="user", content="?"), *old, *old, *old]
    whole = sum(size(turn, len) for turn in turns)

    assert shortened(turns, most=whole, count=len) == turns
    lengths = [len(t.content) for t in shortened(turns, most=whole - 1, count=len)]
    assert [length < 10_000 for length in lengths if length > 1] == [True, False, False]
    lengths = [len(t.content) for t in shortened(turns, most=1, count=len)]
    assert [length // 100 for length in lengths if length > 1] == [4, 4, 100]
    assert [t.call_id for t in shortened(turns, most=1, count=len)] == [t.call_id for t in turns]


# Sessions and recordings ------------------------------------------------------------------------


def test_a_session_remembers(model_server: tuple[str, StandIn]) -> None:
    broker = Broker({"openai": Endpoint(model_server[0])}, retries=Retries(times=0))
    session = ChatSession(broker, "openai/x", asking=Asking(registry.all()))

    assert session.send("one") == "You said: one"
    assert "".join(session.stream("two")) == "You said: two"
    with pytest.raises(LLMError):
        session.send(script(fail="500"))

    contents = [turn.content for turn in session.history[1:]]
    assert contents == ["one", "You said: one", "two", "You said: two"]
    assert len(model_server[1].requests[1]["messages"]) == 4


def test_a_session_keeps_to_its_window(model_server: tuple[str, StandIn]) -> None:
    broker = Broker({"openai": Endpoint(model_server[0])})
    session = ChatSession(broker, "openai/x", system_prompt="Be brief.", most_tokens=200)

    for number in range(12):
        session.send(f"{number} " * 20)

    seen = model_server[1].requests[-1]["messages"]
    assert seen[0]["content"] == "Be brief."
    assert len(seen) < 10
    assert len(session.history) == 25


def test_what_was_recorded_is_given_again(
    tmp_path: Path, model_server: tuple[str, StandIn]
) -> None:
    real = OpenAICompatible(Endpoint(model_server[0]), Timeouts())
    recording = Broker(providers={"x": Record(tmp_path, real)})
    first = recording.ask("x/model", script(text="Once."))
    recording.ask("x/model", script(text="Once."))
    assert len(model_server[1].requests) == 1

    replaying = Broker(providers={"x": Replay(tmp_path)})

    assert replaying.ask("x/model", script(text="Once.")) == first
    with pytest.raises(LLMError, match="no recording") as failed:
        replaying.ask("x/model", "something else")
    assert failed.value.code == "not_recorded"
    (file,) = tmp_path.iterdir()
    assert "Bearer" not in file.read_text()
    assert json.loads(file.read_text())["reply"]["content"] == "Once."


def test_a_provider_says_what_it_can_not() -> None:
    with pytest.raises(LLMError, match="can't embed"):
        Broker(providers={"x": Replay(Path())}).embed("x/y", "text")
    assert isinstance(Demo(), Demo)
