"""Answers that are kept: in a process, in Redis, and never when a new one is wanted."""

import time

import pytest
from redis import asyncio as aioredis

from agents import cache as shared_cache
from agents import loop
from agents.cache import RedisCache
from agents.llm import Asking, Broker, Cache, CompletionConfig, Endpoint, MemoryCache, TextSink
from agents.llm.cache import key_of
from agents.llm.request import Request
from agents.messages import Reply, Turn, Usage
from agents.shared import connection
from agents.tools.registry import registry
from tests.support.stand_in import StandIn, script, tokens

MODEL = "openai/stand-in"


def broker_with(cache: Cache, model_server: tuple[str, StandIn]) -> Broker:
    return Broker({"openai": Endpoint(model_server[0])}, cache=cache)


@pytest.mark.usefixtures("_emptied_redis")
@pytest.mark.parametrize("cache", [MemoryCache(), RedisCache(60)], ids=["memory", "redis"])
def test_the_same_question_is_asked_once(cache: Cache, model_server: tuple[str, StandIn]) -> None:
    broker, sink = broker_with(cache, model_server), TextSink()
    asked = len(model_server[1].requests)
    question = script(tokens=100, thinks="Let me see.")

    first = broker.ask(MODEL, question)
    again = broker.ask(MODEL, question, sink=sink)

    assert len(model_server[1].requests) == asked + 1
    assert again.content == first.content == sink.text == "".join(tokens(100))
    assert again.thinking == first.thinking == sink.thoughts == "Let me see."
    assert (first.cached, again.cached) == (False, True)
    assert again.usage == Usage()


@pytest.mark.usefixtures("_emptied_redis")
def test_a_new_answer_is_had_on_demand_and_kept(model_server: tuple[str, StandIn]) -> None:
    broker = broker_with(MemoryCache(), model_server)
    asked = len(model_server[1].requests)

    for fresh in (False, True, False):
        broker.ask(MODEL, "Hello", Asking(fresh=fresh))

    assert len(model_server[1].requests) == asked + 2


def test_calls_of_tools_are_made_again(model_server: tuple[str, StandIn]) -> None:
    broker = broker_with(MemoryCache(), model_server)
    calls = [{"name": "calculator", "arguments": '{"expression": "1+1"}'}]

    for _ in range(2):
        reply = broker.generate(MODEL, script(calls=calls), Asking(registry.all()))
        assert '"result": 2' in reply.content


def test_every_difference_is_another_question() -> None:
    turns = [Turn(role="user", content="Hello")]
    plain = Request("m", turns)
    others = [
        ("x/other", plain),
        ("x/m", Request("m", [*turns, *turns])),
        ("x/m", Request("m", turns, registry.all())),
        ("x/m", Request("m", turns, config=CompletionConfig(seed=1))),
    ]

    assert len({key_of("x/m", plain), *(key_of(*other) for other in others)}) == 5
    assert key_of("x/m", plain) == key_of("x/m", Request("m", tuple(turns)))


async def test_what_is_old_or_too_much_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MemoryCache(most=2, seconds=10)
    for key in "abc":
        await cache.put(key, Reply(content=key))
    await cache.get("b")
    await cache.put("d", Reply(content="d"))

    assert [await cache.get(key) is None for key in "abcd"] == [True, False, True, False]
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 11)
    assert await cache.get("b") is None


def test_without_redis_nothing_is_kept(
    model_server: tuple[str, StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = aioredis.Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    monkeypatch.setattr(shared_cache, "connection", lambda: nowhere)
    broker = broker_with(RedisCache(60), model_server)

    assert [broker.ask(MODEL, "Hello").cached for _ in range(2)] == [False, False]


@pytest.mark.usefixtures("_emptied_redis")
def test_what_another_version_kept_is_passed_over() -> None:
    async def kept() -> Reply | None:
        await connection().set(f"{shared_cache.PREFIX}key", b'{"other": 1}')
        return await RedisCache(60).get("key")

    assert loop.wait(kept()) is None
