"""How fast Telegram is asked."""

import pytest

from telegram_bot.pace import Pace


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The time."""
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    """The pace of a bot that has been quiet."""
    return Pace(clock=clock)


def send(pace: Pace, clock: Clock, count: int, *, group: bool, chat: int = 1) -> float:
    """Send messages as soon as each may go; return how long that took."""
    began = clock.now
    for _ in range(count):
        clock.now += pace.wait(chat, group=group)
        pace.take(chat, group=group)
    return clock.now - began


def test_a_private_chat_takes_one_a_second(pace: Pace, clock: Clock) -> None:
    assert send(pace, clock, 13, group=False) == pytest.approx(10, abs=0.1)


def test_a_group_takes_twenty_a_minute(pace: Pace, clock: Clock) -> None:
    assert send(pace, clock, 23, group=True) == pytest.approx(60, abs=0.1)


def test_all_chats_together_take_less_than_thirty_a_second(pace: Pace, clock: Clock) -> None:
    began = clock.now
    for chat in range(275):
        clock.now += pace.wait(chat, group=False)
        pace.take(chat, group=False)
    assert (275 - 25) / (clock.now - began) < 30


def test_what_only_shows_progress_leaves_room_for_the_answer(pace: Pace, clock: Clock) -> None:
    shown = sum(pace.spare(1, group=False) for _ in range(10))

    assert shown == 2
    assert pace.wait(1, group=False) == 0
    clock.now += 0.5
    assert not pace.spare(1, group=False)


def test_a_pause_is_kept_and_of_that_chat_alone(pace: Pace, clock: Clock) -> None:
    pace.pause(1, 30, group=False)

    assert pace.wait(1, group=False) == 30
    assert not pace.spare(1, group=False)
    assert pace.wait(2, group=False) == 0
    clock.now += 31
    assert pace.wait(1, group=False) == 0


def test_two_chats_that_pause_make_all_pause(pace: Pace) -> None:
    pace.pause(1, 30, group=False)
    pace.pause(2, 20, group=False)

    assert pace.wait(3, group=False) == 20
