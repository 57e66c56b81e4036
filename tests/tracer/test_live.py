"""The live bus on a real Redis: what is published arrives, or a resync does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer import frames, live
from tracer.frames import Answer, FrameClock
from tracer.live import Delta, Grown, Hub, Subscription

pytestmark = pytest.mark.usefixtures("_emptied_redis")


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    made = live.hub()
    yield made
    await made.close()


@pytest.fixture
async def clock() -> AsyncIterator[FrameClock]:
    yield frames.clock()
    await frames.close()


def answer(**options: Any) -> Answer:
    return Answer(stream="thread:a", run="r", attempt=1, message="m", **options)


async def collected(subscription: Subscription, length: int) -> list[Delta]:
    found: list[Delta] = []
    async with asyncio.timeout(10):
        while sum(len(delta.text) for delta in found) < length:
            batch = await subscription.take()
            found += [item for item in batch.items if isinstance(item, Delta)]
    return found


@given(st.lists(st.text()), st.integers(0, 9))
def test_deltas_survive_the_wire(texts: list[str], attempt: int) -> None:
    deltas = [Delta("s", "r", attempt, "m", number, text) for number, text in enumerate(texts)]
    grown = [Grown("s", 7, [])]

    assert live.decode(live.encode(deltas, grown).encode(errors="surrogatepass")) == [
        *deltas,
        *grown,
    ]


async def test_what_is_said_arrives_in_order_and_whole(hub: Hub, clock: FrameClock) -> None:
    subscription = await hub.subscribe("thread:a")
    said = answer()
    for number in range(500):
        said.add(f"{number} 🙂 ")
        if number % 50 == 0:
            await asyncio.sleep(0)
    await said.flush()

    deltas = await collected(subscription, said.length)

    assert "".join(delta.text for delta in deltas) == said.text
    assert deltas[0].offset == 0
    assert len(deltas) < 500
    assert await hub.snapshot("r", 1) == said.text


async def test_a_large_piece_is_cut_into_frames(hub: Hub, clock: FrameClock) -> None:
    subscription = await hub.subscribe("thread:a")
    said = answer()
    said.add("ü" * (3 * frames.MAX_CHARACTERS + 5))

    deltas = await collected(subscription, said.length)

    assert [len(delta.text) for delta in deltas] == [*[frames.MAX_CHARACTERS] * 3, 5]
    assert [delta.offset for delta in deltas] == [0, 10_000, 20_000, 30_000]


async def test_an_answer_goes_on_where_an_earlier_attempt_ended(
    hub: Hub, clock: FrameClock
) -> None:
    said = answer(begun="before ")
    said.add("after")
    await said.flush()

    assert await hub.snapshot("r", 1) == "before after"


async def test_a_snapshot_is_whole_again_after_redis_forgot_it(hub: Hub, clock: FrameClock) -> None:
    said = answer()
    said.add("one ")
    await said.flush()
    live.connection().flushall()
    for piece in ("two ", "three "):
        said.add(piece)
        await said.flush()

    assert await hub.snapshot("r", 1) == "one two three "


async def test_a_finished_answer_leaves_no_snapshot(hub: Hub, clock: FrameClock) -> None:
    said = answer()
    said.add("text")
    await said.flush()
    await said.discard_snapshot()

    assert await hub.snapshot("r", 1) is None


async def test_other_streams_are_not_heard(hub: Hub) -> None:
    subscription = await hub.subscribe("thread:a")
    live.connection().xadd(live.BUS, {"f": live.encode(grown=[Grown("thread:b", 1, [])])})
    live.connection().xadd(live.BUS, {"f": live.encode(grown=[Grown("thread:a", 2, [])])})

    batch = await asyncio.wait_for(subscription.take(), 5)

    assert batch.items == [Grown("thread:a", 2, [])]


async def test_a_listener_that_is_too_slow_is_told_to_read_again() -> None:
    subscription = Subscription("thread:a")
    for seq in range(live.MAX_PENDING_ITEMS + 1):
        subscription.offer(Grown("thread:a", seq, []))
    subscription.offer(Grown("thread:a", 9_999, []))

    batch = await subscription.take()

    assert batch.resync
    assert batch.items == [Grown("thread:a", 9_999, [])]


async def test_a_lost_connection_ends_in_a_resync(hub: Hub) -> None:
    subscription = await hub.subscribe("thread:a")
    for client in live.connection().client_list():
        if client["cmd"].startswith("xread"):
            live.connection().client_kill(client["addr"])
            live.connection().client_kill_filter(_id=client["id"])

    batch = await asyncio.wait_for(subscription.take(), 5)

    assert batch.resync
