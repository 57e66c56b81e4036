"""The frame clock as what sets the pace: many answers read on for a frame, and only then."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tracer import frames, live
from tracer.frames import Answer, FrameClock

MANY = 60

pytestmark = pytest.mark.usefixtures("_emptied_redis")


@pytest.fixture
async def clock() -> AsyncIterator[FrameClock]:
    yield frames.clock()
    await frames.close()


def answers(count: int) -> list[Answer]:
    return [
        Answer(stream=f"thread:{number}", run=f"r{number}", attempt=1, message="m")
        for number in range(count)
    ]


async def say_in_one_frame(speakers: list[Answer]) -> None:
    for each in speakers:
        each.add("first ")
    for each in speakers:
        await each.flush()


def frames_out() -> int:
    return int(live.connection().xlen(live.BUS))


async def test_a_few_answers_are_read_as_they_come(clock: FrameClock) -> None:
    few = answers(5)
    await say_in_one_frame(few)

    assert not any(each.is_full for each in few)


async def test_an_answer_that_has_said_nothing_is_read_at_once(clock: FrameClock) -> None:
    await say_in_one_frame(answers(MANY))

    (new,) = answers(1)

    assert not new.is_full


async def test_what_is_read_for_a_frame_is_in_it(clock: FrameClock) -> None:
    many = answers(MANY)
    await say_in_one_frame(many)
    before = frames_out()

    async def read(each: Answer) -> None:
        for number in range(5):
            assert each.is_full
            await each.room()
            each.add(f"{number} ")

    async with asyncio.timeout(10):
        await asyncio.gather(*(read(each) for each in many))
    for each in many:
        await each.flush()

    assert frames_out() - before <= 6
    for each in many:
        stored = live.connection().get(live.snapshot_key(each.run, 1))
        assert stored == b"first 0 1 2 3 4 "


async def test_nobody_is_left_waiting_where_nothing_was_said(clock: FrameClock) -> None:
    many = answers(MANY)
    await say_in_one_frame(many)

    async with asyncio.timeout(5):
        for _ in range(3):
            await asyncio.gather(*(each.room() for each in many))

    assert all(each.is_full for each in many)


async def test_answers_are_read_on_while_redis_hangs(clock: FrameClock) -> None:
    many = answers(MANY)
    await say_in_one_frame(many)
    await clock.redis.client_pause(2_000)
    for each in many:
        each.add("more")

    async with asyncio.timeout(1):  # (Redis answers again in two seconds)
        await asyncio.gather(*(each.room() for each in many))
        await asyncio.gather(*(each.room() for each in many))  # the frame hangs by now
    assert not any(each.is_full for each in many)

    for each in many:
        await each.flush()
    assert live.connection().get(live.snapshot_key("r0", 1)) == b"first more"
