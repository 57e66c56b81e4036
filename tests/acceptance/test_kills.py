"""A worker that is killed at each place of an answer, once each and on purpose."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.acceptance.talker import Conversation, Talker
from tests.support.installation import Installation, running, wait_until
from tests.support.side_effects import SWITCH_ON, SideEffects
from tests.support.stand_in import StandIn, script, tokens

SOON_SECONDS = 5
ANSWER = "".join(tokens(60))


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> SideEffects:
    """What tools leave behind."""
    return SideEffects(tmp_path_factory.mktemp("kills") / "package")


@pytest.fixture(scope="module")
def mortal(
    tmp_path_factory: pytest.TempPathFactory,
    shared_server: tuple[str, StandIn],
    notes: SideEffects,
) -> Iterator[Installation]:
    """A Parley for these four kills: the supervisor gives up on what dies too often."""
    settings = {"OPENAI_BASE_URL": shared_server[0], "THREAD_TITLES": "false", **notes.settings}
    with running(tmp_path_factory.mktemp("mortal"), **settings) as installation:
        assert installation.command("shell", "-c", SWITCH_ON).returncode == 0
        yield installation


def noting(text: str, *, seconds: float, waits: float = 0) -> str:
    """Have the model call a tool that leaves a trace."""
    arguments = json.dumps({"text": text, "seconds": seconds})
    return script(calls=[{"name": "note", "arguments": arguments}], waits=waits)


async def killed(
    mortal: Installation, content: str, *, at: Callable[[Conversation], Awaitable[None]]
) -> Conversation:
    """Have something answered and the worker killed under it; another one has to go on soon."""
    talker = Talker(mortal.url, mortal.api_key())
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(content)
        await at(talk)
        mortal.child("worker").kill()
        killed_at = time.monotonic()
        await talk.until("run.crashed")
        assert time.monotonic() - killed_at < SOON_SECONDS
        end = await talk.until("run.completed", "run.failed")
    assert end["kind"] == "run.completed"
    return talk


async def test_before_the_first_token(mortal: Installation) -> None:
    async def at(talk: Conversation) -> None:
        await talk.until("llm.called")
        assert talk.text == ""

    talk = await killed(mortal, script(tokens=60, per_second=50, waits=1), at=at)

    assert talk.answer == ANSWER


async def test_in_a_stream(mortal: Installation, shared_server: tuple[str, StandIn]) -> None:
    async def at(talk: Conversation) -> None:
        while len(talk.text) < len(ANSWER) // 3:
            await talk.frame()

    talk = await killed(mortal, script(tokens=60, per_second=50), at=at)

    assert talk.answer == ANSWER
    told = [m["content"] for m in shared_server[1].requests[-1]["messages"]]
    assert any("the process that ran you broke down" in text for text in told)


async def test_in_a_tool(mortal: Installation, notes: SideEffects) -> None:
    def has_begun() -> bool:
        return notes.count("begun slow") == 1

    async def at(_: Conversation) -> None:
        await asyncio.to_thread(wait_until, has_begun, seconds=10, what="the tool")

    talk = await killed(mortal, noting("slow", seconds=3), at=at)

    assert (notes.count("begun slow"), notes.count("done slow")) == (1, 0)
    assert "Nobody knows whether it took effect" in talk.answer


async def test_between_a_tool_and_the_answer(mortal: Installation, notes: SideEffects) -> None:
    async def at(talk: Conversation) -> None:
        await talk.until("tool.returned")
        await talk.until("llm.called")

    talk = await killed(mortal, noting("quick", seconds=0, waits=1), at=at)

    assert (notes.count("begun quick"), notes.count("done quick")) == (1, 1)
    assert talk.answer == "The tools say: noted quick"
