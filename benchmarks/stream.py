"""Streams through Parley against the floor: raw httpx on the same stand-in server, in one run.

For 1, 50 and 100 streams of 40 tokens a second it measures the lag of each token at a WebSocket
client (from its sending by the model server), and the CPU of all of Parley's processes per 1,000
tokens. Everything runs on this machine, over loopback.
"""

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp
import httpx
import psutil
from typing_extensions import override

from tests.support.installation import ROOT, Installation, running

PER_SECOND = 40


@dataclass
class Stream:
    """What one client got."""

    text: str = ""
    final: str = ""
    lags_ms: list[float] = field(default_factory=list)
    unread: str = ""

    def take(self, text: str) -> None:
        """Take a piece and time the tokens that it completes."""
        now = time.monotonic_ns() // 1000
        self.text += text
        *complete, self.unread = (self.unread + text).split(" ")
        self.lags_ms += [(now - int(token.partition("@")[2])) / 1000 for token in complete]


@dataclass
class Row:
    """A line of the table."""

    name: str
    streams: list[Stream]
    cpu_seconds: float
    tokens: int

    @override
    def __str__(self) -> str:
        lags = [lag for stream in self.streams for lag in stream.lags_ms]
        cuts = quantiles(lags, n=100)
        whole = sum(complete(stream.text, self.tokens) for stream in self.streams)
        total = len(self.streams) * self.tokens
        cpu = self.cpu_seconds / total * 1_000_000
        return (
            f"| {self.name:<12} | {len(self.streams):>7} | {whole:>5} | {cuts[49]:>6.1f} "
            f"| {cuts[94]:>6.1f} | {cuts[98]:>6.1f} | {cpu:>7.0f} |"
        )


class Meter:
    """Takes the CPU time of processes."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes
        self._before = 0.0

    def begin(self) -> None:
        """Count from here."""
        self._before = self._now()

    def end(self) -> float:
        """Return the CPU seconds used since the beginning."""
        return self._now() - self._before

    def _now(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in self._processes)


HEAD = """| client       | streams | whole | p50 ms | p95 ms | p99 ms | CPU ms per 1,000 tokens |
|---|---|---|---|---|---|---|"""


def complete(text: str, tokens: int) -> bool:
    """Tell whether every token is there, once and in order."""
    return [token.partition("@")[0] for token in text.split()] == [str(n) for n in range(tokens)]


def script(tokens: int) -> str:
    """Write what the stand-in server is to do."""
    return json.dumps({"tokens": tokens, "per_second": PER_SECOND, "stamped": True})


async def by_httpx(base_url: str, *, count: int, tokens: int, meter: Meter) -> list[Stream]:
    """Stream straight from the model server: the floor."""
    meter.begin()
    limits = httpx.Limits(max_connections=None)

    async def one(client: httpx.AsyncClient) -> Stream:
        stream = Stream()
        body = {"model": "x", "messages": [{"role": "user", "content": script(tokens)}]}
        async with client.stream("POST", f"{base_url}/chat/completions", json=body) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line[6:])["choices"]:
                        stream.take(choice["delta"].get("content") or "")
        return stream

    async with httpx.AsyncClient(limits=limits, timeout=120) as client:
        return list(await asyncio.gather(*(one(client) for _ in range(count))))


async def by_parley(
    installation: Installation, key: str, *, count: int, tokens: int, meter: Meter
) -> list[Stream]:
    """Stream through Parley, a thread and a socket each; the meter runs from the first message."""
    headers = {"Authorization": f"Bearer {key}"}
    start = asyncio.Event()
    opened = asyncio.Semaphore(0)

    async def one(session: aiohttp.ClientSession) -> Stream:
        async with session.post(f"{installation.url}/api/v1/threads", json={}) as made:
            thread = (await made.json())["id"]
        stream = Stream()
        async with session.ws_connect(
            f"{installation.url}/ws/threads/{thread}/", max_msg_size=0
        ) as socket:
            async for message in socket:
                frame = json.loads(message.data)
                if frame["type"] == "ready":
                    opened.release()
                    await start.wait()
                    await socket.send_json({"type": "send", "content": script(tokens)})
                elif take(frame, stream):
                    return stream
        return stream

    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        tasks = [asyncio.create_task(one(session)) for _ in range(count)]
        for _ in range(count):
            await opened.acquire()
        meter.begin()
        start.set()
        return list(await asyncio.gather(*tasks))


def take(frame: dict[str, Any], stream: Stream) -> bool:
    """Take a frame of Parley's; tell whether the run has ended."""
    if frame["type"] in {"delta", "snapshot"}:
        stream.take(frame["text"][max(0, len(stream.text) - frame.get("offset", 0)) :])
    elif frame.get("kind") == "message.added" and frame["data"]["role"] == "assistant":
        stream.final = frame["data"]["content"]
        stream.take(stream.final[len(stream.text) :])
    return frame.get("kind") in {"run.completed", "run.failed", "run.cancelled"}


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    """Run the model server in a process of its own."""
    command = [sys.executable, "-m", "tests.support.stand_in"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None  # noqa: S101
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def measured(
    name: str,
    client: Callable[..., Coroutine[Any, Any, list[Stream]]],
    meter: Meter,
    **options: int,
) -> Row:
    """Run one client and return its line of the table."""
    with asyncio.Runner() as runner:
        streams = runner.run(client(meter=meter, **options))
    return Row(name, streams, meter.end(), options["tokens"])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 50, 100])
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--server", choices=["daphne", "uvicorn"], default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, stand_in() as base_url:
        settings = {"OPENAI_BASE_URL": base_url, "THREAD_TITLES": "false"}
        if options.server:
            settings["PARLEY_SERVER"] = options.server
        with running(Path(folder), **settings) as parley:
            key = parley.api_key()
            through = partial(by_parley, parley, key)
            straight = partial(by_httpx, base_url)
            meter, own = Meter(parley.children()), Meter([psutil.Process()])
            for client in (through, straight):
                measured("warm-up", client, meter, count=5, tokens=40)
            print(HEAD)
            for count in options.streams:
                sizes = {"count": count, "tokens": options.tokens}
                print(measured("raw httpx", straight, own, **sizes), flush=True)
                print(measured("Parley", through, meter, **sizes), flush=True)


if __name__ == "__main__":
    main()
