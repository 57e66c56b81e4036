"""Limits of calls that all workers share."""

import asyncio
import time

import pytest
from redis import asyncio as aioredis

from agents import limits, loop
from agents.limits import RedisLimiter
from agents.llm import Broker


async def passed(
    limiters: list[RedisLimiter], *, calls: int, prefix: str = "openai"
) -> list[float]:
    began = time.monotonic()

    async def one(number: int) -> float:
        await limiters[number % len(limiters)].wait(prefix)
        return time.monotonic() - began

    return sorted(await asyncio.gather(*(one(number) for number in range(calls))))


@pytest.mark.usefixtures("_emptied_redis")
def test_calls_of_all_workers_are_spread() -> None:
    workers = [RedisLimiter({"openai": 600}) for _ in range(3)]  # ten a second

    times = loop.wait(passed(workers, calls=18))

    assert times[8] < times[-1] - 0.4  # a second's worth at once, and the others in line
    assert times[-1] > 0.6


@pytest.mark.usefixtures("_emptied_redis")
def test_others_are_not_limited() -> None:
    times = loop.wait(passed([RedisLimiter({"openai": 1})], calls=50, prefix="demo"))

    assert times[-1] < 0.2


def test_without_redis_calls_go_through(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = aioredis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    monkeypatch.setattr(limits, "_script", lambda: nowhere.register_script("return 0"))

    times = loop.wait(passed([RedisLimiter({"openai": 1})], calls=3))

    assert times[-1] < 1


@pytest.mark.usefixtures("_emptied_redis")
def test_a_broker_keeps_to_its_limiter() -> None:
    broker = Broker(limiter=RedisLimiter({"demo": 60}))
    began = time.monotonic()

    for _ in range(3):
        broker.ask("demo/assistant", "title of this conversation: x")

    assert time.monotonic() - began > 0.9
