"""Storms: many conversations at once, while processes are killed and connections drop.

Each schedule is one conversation with a random script and a client that drops at random moments.
In every wave something is killed under all of them. Nothing may be lost, doubled or out of order,
no run may hang, and no tool may do its work twice.

`make faults` runs 200 schedules; the ordinary run a few. `FAULT_SEED` repeats a run.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import httpx
import pytest

from tests.acceptance.talker import ENDS, Frame, Talker
from tests.support.installation import Installation, running, wait_until
from tests.support.side_effects import SWITCH_ON, SideEffects
from tests.support.stand_in import StandIn, script, tokens

SCHEDULES = int(os.environ.get("FAULT_SCHEDULES", "24"))
SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
WAVE = 24
STRIKES = 2  # a wave
PATIENCE_SECONDS = 60
KILLS = ("worker", "worker", "worker", "uvicorn", "valkey-server", "nothing")
MOST_KILLS_A_MINUTE = 4  # the supervisor gives up on a process that dies more often
AWAY = (aiohttp.ClientError, ConnectionError, TimeoutError, TypeError)

pytestmark = pytest.mark.timeout(900)


@dataclass
class Schedule:
    """One conversation: what is asked, and after how many frames its client drops."""

    number: int
    content: str
    note: str
    drops: list[int]
    by_events: bool
    expected: str = ""
    words: int = 0  # of the demo model


@dataclass
class Seen:
    """What a client knows, by the contract alone."""

    events: list[Frame] = field(default_factory=list)
    attempt: int = 0
    text: str = ""
    texts: list[str] = field(default_factory=list)

    @property
    def last_seq(self) -> int:
        return int(self.events[-1]["seq"]) if self.events else 0

    def has(self, client_id: str) -> bool:
        """Tell whether a message has been taken."""
        return any(event["data"].get("client_id") == client_id for event in self.events)

    @property
    def end(self) -> str:
        return next((event["kind"] for event in self.events if event["kind"] in ENDS), "")

    @property
    def answer(self) -> str:
        said = [e["data"] for e in self.events if e["kind"] == "message.added"]
        return "".join(each["content"] for each in said if each["role"] == "assistant")

    def take(self, frame: Frame) -> None:
        """Take a frame; what the contract excludes is an error."""
        match frame["type"]:
            case "event":
                assert frame["seq"] == self.last_seq + 1
                self.events.append(frame)
            case "snapshot":
                assert frame["attempt"] >= self.attempt
                self._begin(frame["attempt"])
                self.text = frame["text"]
            case "delta":
                assert frame["attempt"] >= self.attempt
                if frame["attempt"] > self.attempt:
                    self._begin(frame["attempt"])
                assert frame["offset"] <= len(self.text), "a gap"
                self.text = self.text[: frame["offset"]] + frame["text"]
            case _:
                pass

    def _begin(self, attempt: int) -> None:
        if attempt > self.attempt:
            self.texts.append(self.text)
            self.text = ""
        self.attempt = attempt


def schedule(number: int, chance: random.Random) -> Schedule:
    """Make up a conversation: with the demo model, or with the scripted one."""
    note = f"{SEED}-{number}"
    drops = [chance.randint(1, 60) for _ in range(chance.randint(0, 4))]
    plan = Schedule(number, "", note, drops, by_events=chance.random() < 0.4)
    arguments = json.dumps({"text": note, "seconds": chance.choice([0, 0.5, 2])})
    match chance.choice(["demo speaks", "demo notes", "speaks", "speaks", "notes", "notes"]):
        case "demo speaks":
            plan.words = chance.randint(20, 200)
            plan.content = f"{plan.words} words"
        case "demo notes":
            plan.content = f"Call note({arguments}) for me."
        case "speaks":
            count, speed = chance.randint(20, 200), chance.choice([30, 60, 0])
            plan.content = script(tokens=count, per_second=speed)
            plan.expected = "".join(tokens(count))
        case _:
            calls = [
                {"name": "note", "arguments": arguments},
                {"name": "calculator", "arguments": '{"expression": "6*7"}'},
            ]
            plan.content = script(tokens=chance.choice([0, 30]), per_second=40, calls=calls)
    return plan


async def hold(talker: Talker, plan: Schedule) -> Seen:
    """Have a conversation, whatever happens to the connection."""
    seen, client_id, drops = Seen(), str(uuid4()), list(plan.drops)
    thread = await asyncio.to_thread(_until_there, talker.thread)
    send = {"type": "send", "content": plan.content, "client_id": client_id}
    if not plan.content.startswith("{"):
        send["agent"] = "demo"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen.end:
        assert time.monotonic() < deadline, f"schedule {plan.number} hangs: {seen.events[-3:]}"
        frames = drops.pop(0) if drops else 10**9
        with contextlib.suppress(*AWAY):
            if plan.by_events and seen.has(client_id):
                await _listen(talker, thread, seen, frames=frames)
            else:
                await _talk(talker, thread, seen, frames=frames, send=send)
        await asyncio.sleep(0.05)
    return seen


def _until_there(start: Callable[[], str]) -> str:
    """Start a thread, however often the server is away meanwhile."""
    made: list[str] = []

    def is_made() -> bool:
        with contextlib.suppress(httpx.HTTPError, AssertionError):
            made.append(start())
        return bool(made)

    wait_until(is_made, seconds=PATIENCE_SECONDS, what="a thread")
    return made[0]


async def _talk(
    talker: Talker, thread: str, seen: Seen, *, frames: int, send: dict[str, str]
) -> None:
    """Talk over a socket for so many frames."""
    async with talker.open(thread, after=seen.last_seq) as talk:
        for _ in range(frames):
            frame = json.loads(await talk.socket.receive_str(timeout=10))
            seen.take(frame)
            if frame["type"] == "ready" and not seen.has(send["client_id"]):
                await talk.socket.send_json(send)
            if frame["type"] == "error":
                await asyncio.sleep(0.2)
                await talk.socket.send_json(send)
            if seen.end:
                return


async def _listen(talker: Talker, thread: str, seen: Seen, *, frames: int) -> None:
    """Listen to the server-sent events for so many frames."""
    address = f"{talker.url}/api/v1/threads/{thread}/stream"
    headers = {**talker.headers, "Last-Event-ID": str(seen.last_seq)}
    timeout = aiohttp.ClientTimeout(sock_read=20)
    async with (
        aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
        session.get(address) as stream,
    ):
        stream.raise_for_status()
        async for line in stream.content:
            if line.startswith(b"data: "):
                seen.take(json.loads(line[6:]))
                frames -= 1
                if seen.end or frames <= 0:
                    return


class Killer:
    """Kills processes, but not so often that the supervisor gives up."""

    def __init__(self, parley: Installation, chance: random.Random) -> None:
        self._parley = parley
        self._chance = chance
        self._killed: list[tuple[float, str]] = []
        self._told = 0

    def lately(self) -> list[str]:
        """Return what was killed since it was last asked."""
        done, self._told = self._told, len(self._killed)
        return [word for _, word in self._killed[done:]]

    async def strike(self) -> None:
        """Kill something, some time within the next seconds."""
        await asyncio.sleep(self._chance.uniform(0.3, 3.0))
        lately = [word for at, word in self._killed if time.monotonic() - at < 60]
        may = [word for word in KILLS if lately.count(word) < MOST_KILLS_A_MINUTE]
        word = self._chance.choice(may)
        if word == "nothing":
            return
        self._killed.append((time.monotonic(), word))
        if victims := self._parley.children_named(word):
            self._chance.choice(victims).kill()


@pytest.fixture
def notes(tmp_path: Path) -> SideEffects:
    """What tools leave behind."""
    return SideEffects(tmp_path / "package")


@pytest.fixture
def stormy(
    tmp_path: Path, shared_server: tuple[str, StandIn], notes: SideEffects
) -> Iterator[Installation]:
    """A Parley with two workers, whose agents have a tool that leaves traces."""
    settings = {"OPENAI_BASE_URL": shared_server[0], "PARLEY_WORKERS": "2", **notes.settings}
    with running(tmp_path / "data", THREAD_TITLES="false", **settings) as installation:
        done = installation.command("shell", "-c", SWITCH_ON)
        assert done.returncode == 0, done.stderr
        yield installation


async def test_storms_lose_nothing(stormy: Installation, notes: SideEffects) -> None:
    sys.stdout.write(f"FAULT_SEED={SEED} FAULT_SCHEDULES={SCHEDULES}\n")
    chance = random.Random(SEED)  # noqa: S311  (no secret)
    plans = [schedule(number, chance) for number in range(SCHEDULES)]
    talker, killer = Talker(stormy.url, stormy.api_key()), Killer(stormy, chance)
    unknown = 0
    for start in range(0, SCHEDULES, WAVE):
        wave = plans[start : start + WAVE]
        began = time.monotonic()
        strikes = (killer.strike() for _ in range(STRIKES))
        held = await asyncio.gather(*(hold(talker, plan) for plan in wave), *strikes)
        took = time.monotonic() - began
        sys.stdout.write(f"{len(wave)} schedules in {took:.1f} s, killed: {killer.lately()}\n")
        sys.stdout.flush()
        for plan, seen in zip(wave, held, strict=False):
            assert isinstance(seen, Seen)
            unknown += check(plan, seen, notes)

    compared = stormy.command("rebuild", "--check")
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert unknown <= SCHEDULES // 2


def check(plan: Schedule, seen: Seen, notes: SideEffects) -> int:
    """Check one conversation; return how many outcomes of its tools are unknown."""
    assert seen.end == "run.completed", (plan, seen.events[-1])
    assert [event["seq"] for event in seen.events] == list(range(1, seen.last_seq + 1))
    assert seen.answer.startswith(seen.text), (plan, seen.text)
    if plan.expected or plan.words:
        if plan.expected:
            assert seen.answer == plan.expected
        else:
            assert seen.answer.split() == [f"word{n}" for n in range(1, plan.words + 1)]
        assert all(seen.answer.startswith(text) for text in seen.texts)
        return 0
    begun, done = notes.count(f"begun {plan.note}"), notes.count(f"done {plan.note}")
    assert begun <= 1, f"{plan.note} was begun {begun} times"
    if f"noted {plan.note}" in seen.answer:
        assert (begun, done) == (1, 1)
        return 0
    assert "Nobody knows whether it took effect" in seen.answer, (plan, seen.answer)
    return 1
