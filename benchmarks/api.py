"""200 clients of the REST API at once, on this machine: each says something, and reads the answer.

Each client has a thread of its own and its event stream open. It posts a message, reads until the
run has ended, waits a moment, and posts the next one. What is measured is how long each POST takes
until its 202 is there; the floor is the same load of GET /healthz, which does nothing.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import aiohttp

from tests.support.installation import Installation, running

ENDS = {"run.completed", "run.failed", "run.cancelled"}
PATIENCE_SECONDS = 120
WORDS = 40


@dataclass
class Seen:
    """What all clients have seen."""

    posts_ms: list[float] = field(default_factory=list)
    floor_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    answers: int = 0


class Client:
    """One of them."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seen: Seen) -> None:
        self._session = session
        self._url = url
        self._seen = seen
        self._ended: asyncio.Queue[str] = asyncio.Queue()
        self._ready = asyncio.Event()
        self._thread = ""

    async def begin(self) -> None:
        """Make a thread, and open its stream."""
        async with self._session.post(f"{self._url}/api/v1/threads", json={}) as made:
            self._thread = (await made.json())["id"]
        self._reading = asyncio.create_task(self._read(self._thread))
        await self._ready.wait()

    async def run(self, *, rounds: int, pause_seconds: float) -> None:
        """Talk."""
        await asyncio.sleep(pause_seconds * random.random())  # noqa: S311
        for _ in range(rounds):
            await asyncio.sleep(pause_seconds * (0.5 + random.random()))  # noqa: S311
            if await self._say(self._thread):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    self._seen.ended[await self._ended.get()] += 1
        self._reading.cancel()

    async def _say(self, thread: str) -> bool:
        path = f"{self._url}/api/v1/threads/{thread}/messages"
        began = time.perf_counter()
        async with self._session.post(path, json={"content": f"{WORDS} words"}) as response:
            await response.read()
        self._seen.posts_ms.append((time.perf_counter() - began) * 1000)
        self._seen.statuses[response.status] += 1
        return response.status == 202  # noqa: PLR2004  (taken)

    async def _read(self, thread: str) -> None:
        """Read the thread's stream; note the ends of runs."""
        timeout = aiohttp.ClientTimeout(total=None)
        path = f"{self._url}/api/v1/threads/{thread}/stream"
        async with self._session.get(path, timeout=timeout) as response:
            async for line in response.content:
                if line.startswith(b"event: ready"):
                    self._ready.set()
                if line.startswith(b"data: ") and b'"kind"' in line:
                    event = json.loads(line[6:])
                    if event["kind"] == "message.added":
                        self._seen.answers += event["data"]["content"].count("word") == WORDS
                    if event["kind"] in ENDS:
                        self._ended.put_nowait(event["kind"])

    async def look(self, *, rounds: int, pause_seconds: float) -> None:
        """Do nothing, as often: the floor."""
        for _ in range(rounds):
            await asyncio.sleep(pause_seconds * (0.5 + random.random()))  # noqa: S311
            began = time.perf_counter()
            async with self._session.get(f"{self._url}/healthz") as response:
                await response.read()
            self._seen.floor_ms.append((time.perf_counter() - began) * 1000)


async def measure(installation: Installation, options: argparse.Namespace) -> Seen:
    """Run the clients, then the floor."""
    seen = Seen()
    headers = {"Authorization": f"Bearer {installation.api_key()}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        clients = [Client(session, installation.url, seen) for _ in range(options.clients)]
        how = {"rounds": options.rounds, "pause_seconds": options.pause}
        await asyncio.gather(*(client.begin() for client in clients))
        await asyncio.gather(*(client.run(**how) for client in clients))
        await asyncio.gather(*(client.look(**how) for client in clients))
    return seen


def line(name: str, times: list[float]) -> str:
    """Write a line of the table."""
    cuts = quantiles(times, n=100)
    return (
        f"| {name:<28} | {len(times):>6} | {cuts[49]:>7.1f} | {cuts[94]:>7.1f} | {cuts[98]:>7.1f} |"
    )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pause", type=float, default=10.0, help="Between an answer and the next.")
    options = parser.parse_args()
    settings = {"THREAD_TITLES": "false", "API_REQUESTS_PER_MINUTE": "1000000"}
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder), **settings) as installation,
    ):
        seen = asyncio.run(measure(installation, options))  # noqa: TID251  (a program of its own)
    print(f"{options.clients} clients, {options.rounds} messages each, answers of {WORDS} words")
    print(f"| {'':<28} | times  | p50 ms  | p95 ms  | p99 ms  |\n|---|---|---|---|---|")
    print(line("POST a message, to its 202", seen.posts_ms))
    print(line("floor: GET /healthz", seen.floor_ms))
    print(f"statuses {dict(seen.statuses)}, runs {dict(seen.ended)}, whole answers {seen.answers}")


if __name__ == "__main__":
    main()
