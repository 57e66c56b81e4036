"""Time travel, forks, and the branches of a thread."""

from random import Random
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import selectors as agents
from chat import context, gateway, history, projections, timeline, tree
from chat.errors import NoSuchMessage, NoSuchMoment, NothingToRetry
from chat.models import Message, Run, Snapshot, Thread, User
from chat.state import ThreadState
from tests.chat.talk import ask, say, work
from tracer.events import Recorded
from tracer.log import last_seq

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_tables_equal_their_fold")]


def words(thread: Thread, seq: int | None = None) -> list[str]:
    """Return what a thread's path says, at one of its events or now."""
    moment = timeline.now(thread) if seq is None else timeline.at(thread, seq)
    return [message.content for message in timeline.path(moment)]


def seq_of(run: Run) -> int:
    return Message.objects.get(id=run.answer_id).seq


def test_a_thread_is_seen_as_it_stood_at_any_event(thread: Thread) -> None:
    first = ask(thread, "one")
    gateway.rename(thread, title="A title", actor="user:1")
    ask(thread, "two")

    assert timeline.at(thread, 1).state.head is None
    assert words(thread, seq_of(first))[0] == "one"
    assert len(words(thread, seq_of(first))) == 2
    assert timeline.at(thread, seq_of(first)).state.title == ""
    assert timeline.at(thread, last_seq(thread.stream)).state.title == "A title"
    for wrong in (0, -1, last_seq(thread.stream) + 1):
        with pytest.raises(NoSuchMoment):
            timeline.at(thread, wrong)


def test_an_edit_is_seen_from_its_event_on(thread: Thread) -> None:
    run = ask(thread, "one")
    before = last_seq(thread.stream)
    message = Message.objects.get(id=run.message_id)
    gateway.edit(message, content="uno", actor="user:1")
    gateway.edit(Message.objects.get(id=message.id), content="ein", actor="user:1")

    assert words(thread, before)[0] == "one"
    assert words(thread, before + 1)[0] == "uno"
    assert words(thread)[0] == "ein"


def test_every_moment_is_the_state_that_the_row_had(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "SNAPSHOT_EVERY", 4)
    seen: dict[int, tuple[str, str, object]] = {}

    def look() -> None:
        thread.refresh_from_db()
        seen[last_seq(thread.stream)] = (thread.title, thread.state, thread.head)

    for number in range(3):
        run = ask(thread, f"number {number}")
        look()
        gateway.rename(thread, title=f"title {number}", actor="user:1")
        look()
        gateway.retry(thread, actor="user:1", message=run.message_id)
        look()
        work(thread)
        look()
    gateway.archive(thread, actor="user:1")
    look()

    assert Snapshot.objects.count() == last_seq(thread.stream) // 4
    for seq, expected in seen.items():
        state = timeline.at(thread, seq).state
        assert (state.title, state.state, state.head) == expected


def test_looking_back_reads_little_however_long_the_thread(
    thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections, "SNAPSHOT_EVERY", 5)
    for number in range(6):
        ask(thread, f"number {number}")
    end = last_seq(thread.stream)
    folded: list[int] = []
    step = timeline._step  # noqa: SLF001

    def counted(state: ThreadState, entry: Recorded) -> ThreadState:
        folded.append(entry.seq)
        return step(state, entry)

    monkeypatch.setattr(timeline, "_step", counted)

    timeline.at(thread, end)

    assert len(folded) < 5


# Forks ------------------------------------------------------------------------------------------


def test_a_fork_goes_on_from_a_message(thread: Thread) -> None:
    first = ask(thread, "one")
    ask(thread, "two")

    new = gateway.fork(thread, message=first.answer_id, actor="user:1")
    ask(new, "three")

    assert (new.origin_id, new.head) == (thread.id, first.answer_id)
    assert [each for each in words(new) if not each.startswith("You said")][::2] == ["one", "three"]
    assert words(thread)[2] == "two"
    assert Message.objects.filter(thread=new).count() == 2


def test_a_fork_of_a_moment_knows_nothing_of_what_came_after(thread: Thread) -> None:
    first = ask(thread, "one")
    moment = last_seq(thread.stream)
    later = ask(thread, "two")

    new = gateway.fork(thread, seq=moment, actor="user:1")

    assert len(words(new)) == 2
    assert tree.message_in(new, first.message_id).content == "one"
    for missing in (later.message_id, uuid4()):
        with pytest.raises(NoSuchMessage):
            tree.message_in(new, missing)
    with pytest.raises(NoSuchMessage):
        gateway.fork(thread, seq=moment, message=later.answer_id, actor="user:1")
    with pytest.raises(NoSuchMoment):
        gateway.fork(thread, seq=last_seq(thread.stream) + 1, actor="user:1")


def test_a_fork_keeps_the_words_that_it_was_made_with(thread: Thread) -> None:
    first = ask(thread, "one")
    new = gateway.fork(thread, actor="user:1")
    of_it = gateway.fork(new, actor="user:1")

    gateway.edit(Message.objects.get(id=first.message_id), content="uno", actor="user:1")

    assert words(thread)[0] == "uno"
    assert words(new)[0] == "one"
    assert words(of_it)[0] == "one"
    ask(of_it, "and on")
    assert [message.content for message in tree.upwards(of_it.head)] != []


def test_what_a_model_sees_of_a_fork_is_its_past(thread: Thread) -> None:
    first = ask(thread, "one")
    new = gateway.fork(thread, actor="user:1")
    gateway.edit(Message.objects.get(id=first.message_id), content="uno", actor="user:1")
    run = Run.objects.get(id=say(new, "three").run)
    agent = agents.active_agent(run.agent)

    seen = context.build(run, agent, agents.equipment_of(agent).tools(), window=10_000, skills={})

    assert [turn.content for turn in seen.turns if turn.role == "user"] == ["one", "three"]


# Branches ---------------------------------------------------------------------------------------


def test_another_wording_is_a_sibling(thread: Thread) -> None:
    first = ask(thread, "one")
    again = say(thread, "uno", place=gateway.Place(replaces=first.message_id))
    work(thread)

    shown = history.of(thread).entries
    assert shown[0].content == "uno"
    assert shown[0].siblings == [first.message_id, again.message]
    assert (shown[0].place, shown[0].earlier, shown[0].later) == (2, first.message_id, None)

    gateway.move_head(thread, message=first.message_id, actor="user:1")

    shown = history.of(thread).entries
    assert shown[0].content == "one"
    assert len(shown) == 2
    thread.refresh_from_db()
    assert thread.head == first.answer_id


def test_an_answer_has_no_other_wording(thread: Thread) -> None:
    run = ask(thread, "one")

    with pytest.raises(NoSuchMessage):
        say(thread, "x", place=gateway.Place(replaces=run.answer_id))


def test_an_earlier_answer_is_given_again_on_its_branch(thread: Thread) -> None:
    first = ask(thread, "one")
    ask(thread, "two")

    gateway.retry(thread, actor="user:1", message=first.answer_id)
    work(thread)

    shown = history.of(thread).entries
    assert len(shown) == 2
    assert shown[1].place == 2
    with pytest.raises(NoSuchMessage):
        gateway.retry(thread, actor="user:1", message=uuid4())
    empty = gateway.start(owner=thread.owner, actor="user:1")
    with pytest.raises(NothingToRetry):
        gateway.retry(empty, actor="user:1")


def test_an_answer_to_another_branch_does_not_move_the_conversation(thread: Thread) -> None:
    first = ask(thread, "one")
    other = say(thread, "uno", place=gateway.Place(replaces=first.message_id))
    gateway.move_head(thread, message=first.answer_id, actor="user:1")

    work(thread)

    thread.refresh_from_db()
    assert Run.objects.get(id=other.run).state == "completed"
    assert thread.head == first.answer_id


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    parents=st.lists(st.integers(0, 30), max_size=30),
    pages=st.integers(1, 5),
    order=st.randoms(use_true_random=False),
)
def test_any_path_is_walked_whatever_the_tree(
    thread: Thread, parents: list[int], pages: int, order: Random
) -> None:
    seqs = order.sample(range(2, 100), len(parents) + 1)  # answers may stand behind what follows
    ids = [uuid4() for _ in range(len(parents) + 1)]
    above: dict[int, int | None] = {0: None}
    Message.objects.all().delete()
    for number in range(len(ids)):
        if number:
            above[number] = parents[number - 1] % number
        parent = above[number]
        Message.objects.create(
            id=ids[number],
            thread=thread,
            parent_id=None if parent is None else ids[parent],
            role="user",
            content=str(number),
            channel="web",
            sender="user:1",
            seq=seqs[number],
            created_at=thread.started_at,
        )
    for number in range(len(ids)):
        expected: list[str] = []
        place: int | None = number
        while place is not None:
            expected.append(str(place))
            place = above[place]
        assert [message.content for message in tree.upwards(ids[number], page=pages)] == expected
    Message.objects.all().delete()


# Pages ------------------------------------------------------------------------------------------


def test_pages_of_the_past(client: Client, owner: User, thread: Thread) -> None:
    client.force_login(owner)
    ask(thread, "one")
    end = last_seq(thread.stream)

    then = client.get(f"/threads/{thread.id}/at/2/").content.decode()
    assert "one" in then
    assert "You said" not in then
    assert client.get(f"/threads/{thread.id}/at/{end + 1}/").status_code == 404
    assert client.get(f"/threads/{thread.id}/at/?seq=3")["Location"].endswith("/at/3/")
    assert client.get(f"/threads/{thread.id}/at/?seq=x").status_code == 404

    forked = client.post(f"/threads/{thread.id}/fork/", {"seq": "2"})
    new = Thread.objects.exclude(id=thread.id).get()
    assert forked["Location"] == f"/threads/{new.id}/"
    assert "Goes on from" in client.get(forked["Location"]).content.decode()


def test_a_long_thread_is_shown_in_pages(
    client: Client, owner: User, thread: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "WINDOW", 4)
    client.force_login(owner)
    for number in range(4):
        ask(thread, f"number {number}")

    told = history.of(thread)
    assert [entry.content for entry in told.entries if entry.role == "user"] == [
        "number 2",
        "number 3",
    ]
    assert told.older is not None
    older = history.of(thread, before=told.older)
    assert [entry.content for entry in older.entries if entry.role == "user"] == [
        "number 0",
        "number 1",
    ]
    assert older.older is None
    page = client.get(f"/threads/{thread.id}/?before={told.older}").content.decode()
    assert "number 0" in page
    assert "number 3" not in page
