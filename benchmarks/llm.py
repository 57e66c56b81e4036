"""A streamed chunk through the broker against bare aiohttp, on the same stand-in server.

CPU of this process per 1,000 chunks, flat out and paced, in one run: a client that only reads the
bytes and splits the events, and the short road, which also decodes them, fits them together and
hands the text on.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp

from agents import loop
from agents.llm import Broker, Endpoint
from agents.llm.sse import EventSplitter
from benchmarks.stream import stand_in
from tests.support.stand_in import script


async def bare(base_url: str, content: str, streams: int) -> None:
    """Stream with aiohttp alone, decoding each event."""
    body = {"model": "x", "messages": [{"role": "user", "content": content}]}

    async def one(session: aiohttp.ClientSession) -> None:
        splitter = EventSplitter()
        async with session.post(f"{base_url}/chat/completions", json=body) as response:
            async for piece in response.content.iter_any():
                for data in splitter.feed(piece):
                    if data != b"[DONE]":
                        json.loads(data)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(one(session) for _ in range(streams)))


async def short_road(base_url: str, content: str, streams: int) -> None:
    """Stream with the broker."""
    broker = Broker({"openai": Endpoint(base_url)})
    await asyncio.gather(*(broker.aask("openai/x", content) for _ in range(streams)))


IMPORT = """
import time
began = time.perf_counter()
import agents.llm
print(time.perf_counter() - began)
"""
Client = Callable[[str, str, int], Awaitable[None]]


def measured(client: Client, base_url: str, content: str, *, streams: int, tokens: int) -> float:
    """Return the CPU that a client uses for a chunk, in µs."""

    async def run() -> float:
        before = time.process_time()
        await client(base_url, content, streams)
        return (time.process_time() - before) / (streams * tokens) * 1e6

    return loop.wait(run())


def import_seconds() -> float:
    """Return how long `import agents.llm` takes in a new process, beyond Python's own start."""
    command = [sys.executable, "-c", IMPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=400)
    options = parser.parse_args()
    tokens = options.tokens
    print("| | bare aiohttp, µs a chunk | the broker | ratio |\n|---|---|---|---|")
    with stand_in() as base_url:
        for name, streams, speed in (("flat out", 20, 0), ("50 tokens/s", 25, 50)):
            content = script(tokens=tokens, per_second=speed)
            for client in (bare, short_road):
                measured(client, base_url, script(tokens=50), streams=2, tokens=50)
            floor = measured(bare, base_url, content, streams=streams, tokens=tokens)
            ours = measured(short_road, base_url, content, streams=streams, tokens=tokens)
            print(f"| {name} | {floor:.0f} | {ours:.0f} | {ours / floor:.2f} |")
    print(f"\nimport agents.llm: {import_seconds():.2f} s")


if __name__ == "__main__":
    main()
