"""Processes that are killed in the middle of an answer, and another server in front."""

import time
from pathlib import Path

from tests.acceptance.talker import Talker
from tests.support.installation import Installation, running
from tests.support.stand_in import StandIn, script, tokens


async def test_a_worker_that_is_killed_is_replaced(parley: Installation, talker: Talker) -> None:
    expected = "".join(tokens(100))
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=100, per_second=50))
        while len(talk.text) < len(expected) // 3:
            await talk.frame()
        parley.child("worker").kill()
        killed_at = time.monotonic()
        await talk.until("run.crashed")
        took = time.monotonic() - killed_at
        end = await talk.until("run.completed", "run.failed")

    assert end["kind"] == "run.completed"
    assert talk.answer == expected
    assert talk.growing[1] == 2  # the second attempt's frames, from its beginning
    assert expected.startswith(talk.text)
    assert took < 5


async def test_redis_that_is_killed_loses_no_text(parley: Installation, talker: Talker) -> None:
    expected = "".join(tokens(150))
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=150, per_second=50))
        while len(talk.text) < len(expected) // 4:
            await talk.frame()
        parley.child("valkey-server").kill()
        end = await talk.until("run.completed", "run.failed")

    assert end["kind"] == "run.completed"
    assert talk.answer == expected


async def test_a_web_server_that_is_killed_is_only_a_pause(
    parley: Installation, talker: Talker
) -> None:
    expected = "".join(tokens(150))
    thread = talker.thread()
    async with talker.open(thread) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=150, per_second=50))
        while len(talk.text) < len(expected) // 4:
            await talk.frame()
        seen = talk.last_seq
        parley.child("uvicorn").kill()
    parley.until_it_answers()
    async with talker.open(thread, after=seen) as again:
        await again.until("run.completed")

    assert again.answer == expected
    assert all(event["seq"] > seen for event in again.events)


async def test_the_same_behind_daphne(tmp_path: Path, shared_server: tuple[str, StandIn]) -> None:
    settings = {"OPENAI_BASE_URL": shared_server[0], "PARLEY_SERVER": "daphne"}
    with running(tmp_path, **settings) as parley:
        talker = Talker(parley.url, parley.api_key())
        async with talker.open(talker.thread()) as talk:
            end = await talk.ask(script(tokens=500))

        assert end["kind"] == "run.completed"
        assert talk.answer == "".join(tokens(500))
        assert any("daphne" in " ".join(each.cmdline()) for each in parley.children())
