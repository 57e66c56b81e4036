"""A thread that outgrows its model's window: summaries, pins, and what is left out."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from agents.models import Agent
from agents.tools import tool
from agents.tools.registry import registry
from chat import context, gateway, history, tree
from chat.errors import NoSuchMessage, TooManyPins
from chat.events import ContextCompacted
from chat.gateway import messages as message_verbs
from chat.models import Message, Run, Summary, Thread, User
from tests.chat.talk import ask, kinds, work
from tests.support.stand_in import StandIn, script
from tracer import log

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]

LONG = "x" * 700  # about 180 tokens; a round of talk takes twice that
WINDOW = 2_000
BOOK = "y" * 3_000
FULL = 5  # rounds: with the fifth question there is no room


@tool
def read_book() -> str:
    """Read a book."""
    return BOOK


@pytest.fixture
def model(scripted: tuple[Agent, StandIn], settings: Settings) -> Iterator[StandIn]:
    """The model's server, with a small window in front of it."""
    settings.CONTEXT_TOKENS = WINDOW
    server = scripted[1]
    yield server
    server.summary, server.summaries_fail = "A SUMMARY", False
    server.most_characters = 10**9


@pytest.fixture
def thread(scripted_thread: Thread, model: StandIn) -> Thread:
    """A thread with that model."""
    return scripted_thread


def seen(model: StandIn) -> list[str]:
    """Return what the model was last shown, message by message."""
    return [each["content"] for each in model.requests[-1]["messages"]]


def results(model: StandIn) -> list[str]:
    """Return the tools' results that the model was last shown."""
    return [m["content"] for m in model.requests[-1]["messages"] if m["role"] == "tool"]


def compactions(thread: Thread) -> list[ContextCompacted]:
    """Return a thread's summaries, in order."""
    found = log.read(thread.stream, kinds=[ContextCompacted.kind])
    return [each.event for each in found if isinstance(each.event, ContextCompacted)]


def long_talk(thread: Thread, rounds: int) -> list[Run]:
    """Talk for so many rounds."""
    return [ask(thread, script(text=f"{number} {LONG}")) for number in range(rounds)]


def test_the_older_part_is_summarised_before_the_answer(thread: Thread, model: StandIn) -> None:
    runs = long_talk(thread, FULL)

    (event,) = compactions(thread)
    first, last = Message.objects.get(id=event.first), Message.objects.get(id=event.until)
    assert (event.summary, event.model) == ("A SUMMARY", "openai/stand-in")
    assert event.run == runs[-1].id
    assert first.id == runs[0].message_id
    assert (event.first_seq, event.until_seq) == (first.seq, last.seq)
    assert last.role == "assistant"
    assert event.messages == len(list(tree.upwards(last.id)))
    assert event.usage is not None
    assert event.usage.prompt_tokens > 0
    assert (runs[-1].usage or {})["prompt_tokens"] > event.usage.prompt_tokens

    (told,) = [step for entry in history.of(thread).entries for step in entry.steps]
    assert told.name == f"Summary of {event.messages} earlier messages"
    assert told.result == "A SUMMARY"
    system, *rest = seen(model)
    assert system.startswith(context.SUMMARISED)
    assert system.endswith("A SUMMARY")
    assert not any(said.startswith(f"0 {LONG}") for said in rest)
    assert model.requests[-1]["messages"][1]["role"] == "user"


def test_it_has_begun_while_it_is_summarised(thread: Thread) -> None:
    last = long_talk(thread, FULL)[-1]

    of_run = [e.kind for e in log.read(thread.stream) if e.correlation_id == last.id]
    begin = of_run.index("run.started")
    assert of_run[begin : begin + 4] == [
        "run.started",
        "context.compacted",
        "llm.called",
        "llm.responded",
    ]


def test_nothing_is_lost_and_the_messages_stay(thread: Thread) -> None:
    runs = long_talk(thread, FULL)

    answers = [Message.objects.get(id=run.answer_id).content for run in runs]
    assert answers == [f"{number} {LONG}" for number in range(FULL)]


def test_a_summary_is_used_until_it_is_brought_up_to_date(thread: Thread, model: StandIn) -> None:
    long_talk(thread, FULL)
    model.summary = "A SECOND SUMMARY"
    before = model.seen["summaries"]

    ask(thread, "short")
    assert model.seen["summaries"] == before
    assert "A SUMMARY" in seen(model)[0]

    long_talk(thread, 4)
    first, second = compactions(thread)
    assert "A SECOND SUMMARY" in seen(model)[0]
    assert second.first_seq > first.until_seq
    asked = next(
        r["messages"][-1]["content"]
        for r in reversed(model.requests)
        if str(r["messages"][-1]["content"]).endswith("</conversation>")
    )
    assert "<summary>\nA SUMMARY\n</summary>" in asked


def test_without_a_summary_the_older_part_is_left_out(thread: Thread, model: StandIn) -> None:
    model.summaries_fail = True

    last = long_talk(thread, FULL)[-1]

    assert last.state == "completed"
    assert seen(model)[0] == context.LEFT_OUT
    assert compactions(thread) == []
    called = [e.event.payload() for e in log.read(thread.stream) if e.kind == "llm.called"]
    assert [each["left_out"] for each in called] == [False] * (FULL - 1) + [True]
    told = [step.name for entry in history.of(thread).entries for step in entry.steps]
    assert told == ["Cut"]


def test_an_empty_summary_is_none(thread: Thread, model: StandIn) -> None:
    model.summary = "  "

    assert long_talk(thread, FULL)[-1].state == "completed"
    assert compactions(thread) == []


def test_an_edit_of_what_was_summarised_voids_the_summary(thread: Thread, model: StandIn) -> None:
    runs = long_talk(thread, FULL)
    model.summary = "ANOTHER"

    gateway.edit(Message.objects.get(id=runs[0].answer_id), content="shorter", actor="user:1")
    assert not Summary.objects.exists()
    long_talk(thread, 1)

    assert len(compactions(thread)) > 1
    assert "ANOTHER" in seen(model)[0]


def test_an_edit_behind_a_summary_leaves_it(thread: Thread) -> None:
    runs = long_talk(thread, FULL)

    gateway.edit(Message.objects.get(id=runs[-1].answer_id), content="shorter", actor="user:1")

    assert Summary.objects.count() == 1


def test_a_branch_before_a_summary_does_without_it(thread: Thread, model: StandIn) -> None:
    runs = long_talk(thread, FULL)

    ask(thread, "elsewhere", place=gateway.Place(replaces=runs[1].message_id))

    shown = seen(model)
    assert len(shown) == 3
    assert shown[-1] == "elsewhere"


def test_a_question_that_was_summarised_can_be_answered_again(
    thread: Thread, model: StandIn
) -> None:
    runs = long_talk(thread, FULL)
    (event,) = compactions(thread)
    asked = next(run for run in runs if run.answer_id == event.until)

    gateway.retry(thread, message=asked.message_id, actor="user:1")
    work(thread)

    assert seen(model)[-1] == Message.objects.get(id=asked.message_id).content


def test_a_fork_goes_by_the_summaries_that_there_were(thread: Thread, model: StandIn) -> None:
    long_talk(thread, FULL - 1)
    before = gateway.fork(thread, actor="user:1")
    long_talk(thread, 1)
    after = gateway.fork(thread, actor="user:1")
    count = model.seen["summaries"]

    ask(after, "on")
    assert model.seen["summaries"] == count
    assert "A SUMMARY" in seen(model)[0]

    model.summary = "OF THE FORK"
    ask(before, script(text=LONG))
    ask(before, "on")
    assert "OF THE FORK" in seen(model)[0]


def test_a_thread_that_was_always_too_long_is_summarised_in_pieces(
    thread: Thread, model: StandIn, settings: Settings
) -> None:
    settings.CONTEXT_TOKENS = 1_000_000
    long_talk(thread, 10)
    settings.CONTEXT_TOKENS = WINDOW

    ask(thread, "on")

    found = compactions(thread)
    assert len(found) == 3
    assert [b.first_seq > a.until_seq for a, b in pairwise(found)] == [True, True]
    assert not any(event.left_out for event in found)
    assert all(sum(map(len, texts(r))) < 6_000 for r in model.requests[-4:])


def texts(request: dict[str, Any]) -> list[str]:
    """Return the texts of a request."""
    return [each["content"] for each in request["messages"]]


def test_long_results_of_tools_are_cut_before_anything_is_summarised(
    thread: Thread, model: StandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._tools, "read_book", read_book)  # noqa: SLF001
    Agent.objects.filter(slug="scripted").update(tools=["read_book"])
    settings.CONTEXT_TOKENS = 6_000
    reading = script(calls=[{"name": "read_book", "arguments": "{}"}])
    for said in (reading, "one", "two", reading):
        ask(thread, said)
    assert results(model) == [BOOK, BOOK]

    ask(thread, "z" * 4_000)

    old, new = results(model)
    assert new == BOOK
    assert len(old) < 2_100
    assert "1000 characters are left out" in old
    assert compactions(thread) == []


def test_a_refusal_for_length_is_met_with_a_summary(
    thread: Thread, model: StandIn, settings: Settings
) -> None:
    settings.CONTEXT_TOKENS = 100_000
    long_talk(thread, FULL)
    settings.CONTEXT_TOKENS = 3_000  # more than the model really takes
    model.most_characters = 6_000

    run = ask(thread, "on")

    assert run.state == "completed"
    assert "llm.failed" in kinds(thread)
    assert len(compactions(thread)) >= 1
    assert Message.objects.get(id=run.answer_id).content == "You said: on"


def test_a_model_that_takes_nothing_fails_with_a_reason(thread: Thread, model: StandIn) -> None:
    model.most_characters = 1

    run = ask(thread, "Hello")

    assert (run.error or {})["code"] == "context_too_long"
    assert kinds(thread).count("llm.failed") == 3


# Pins -------------------------------------------------------------------------------------------


def test_a_pinned_message_stays_word_for_word(thread: Thread, model: StandIn) -> None:
    first = ask(thread, "My name is Ada.")
    gateway.pin(thread, message=first.message_id, pinned=True, actor="user:1")
    long_talk(thread, FULL)

    system = seen(model)[0]
    assert f"{context.PINNED}\n\nperson: My name is Ada." in system
    assert "A SUMMARY" in system

    gateway.pin(thread, message=first.message_id, pinned=False, actor="user:1")
    ask(thread, "on")
    assert "My name is Ada." not in "".join(seen(model))


def test_pins_of_a_fork_are_its_own(thread: Thread, owner: User) -> None:
    first, second = ask(thread, "one").message_id, ask(thread, "two").message_id
    gateway.pin(thread, message=first, pinned=True, actor="user:1")
    fork = gateway.fork(thread, actor="user:1")
    gateway.pin(thread, message=second, pinned=True, actor="user:1")
    gateway.pin(fork, message=first, pinned=False, actor="user:1")

    assert tree.pins_of(thread) == {first, second}
    assert tree.pins_of(fork) == set()
    assert tree.pins_of(thread, until=1) == set()


def test_pins_are_idempotent_limited_and_of_this_thread(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ask(thread, "one")
    for _ in range(2):
        gateway.pin(thread, message=run.message_id, pinned=True, actor="user:1")
    assert kinds(thread).count("message.pinned") == 1

    monkeypatch.setattr(message_verbs, "MAX_PINS", 1)
    with pytest.raises(TooManyPins, match="1 messages"):
        gateway.pin(thread, message=run.answer_id, pinned=True, actor="user:1")
    with pytest.raises(NoSuchMessage):
        gateway.pin(thread, message=uuid4(), pinned=True, actor="user:1")
