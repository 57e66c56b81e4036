"""How soon a run goes on after kill -9 of its worker, and how soon a stop closes the stream.

One worker (the supervisor starts it again) and two (the other takes over), a number of times
each. Everything runs on this machine, over loopback.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from statistics import median

import httpx
import psutil

from benchmarks.stream import stand_in
from tests.acceptance.talker import Talker
from tests.support.installation import Installation, running, wait_until
from tests.support.stand_in import script

LONG = script(tokens=2_000, per_second=40)


async def killed(parley: Installation, talker: Talker) -> float:
    """Kill the worker of a run; return after how many seconds the run was begun again."""
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(LONG)
        await talk.until("delta")
        before = {each.pid for each in parley.children_named("worker")}
        began = time.monotonic()
        busiest(parley).kill()
        await talk.until("run.started")
        took = time.monotonic() - began
        await talk.socket.send_json({"type": "stop"})
        await talk.until("run.cancelled", "run.completed")

    def is_back() -> bool:
        return len(parley.children_named("worker")) == len(before)

    await asyncio.to_thread(wait_until, is_back, seconds=20, what="the worker")
    await asyncio.sleep(3)  # until it takes work
    return took


def busiest(parley: Installation) -> psutil.Process:
    """Return the worker that has the run: the one with a connection to the model server."""
    workers = parley.children_named("worker")
    return max(workers, key=lambda each: len(each.net_connections("tcp")))


async def stopped(talker: Talker, base_url: str) -> float:
    """Stop a run; return after how many ms the model server saw its stream closed."""

    def cuts() -> int:
        return int(
            json.loads(httpx.get(base_url.removesuffix("/v1") + "/stats").text).get("cut", 0)
        )

    before = cuts()
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=5_000, per_second=200))
        await talk.until("delta")
        began = time.monotonic()
        await talk.socket.send_json({"type": "stop"})
        await asyncio.to_thread(wait_until, lambda: cuts() > before, seconds=5, what="the cut")
        took = (time.monotonic() - began) * 1000
        await talk.until("run.cancelled")
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as folder, stand_in() as base_url:
            settings = {"OPENAI_BASE_URL": base_url, "THREAD_TITLES": "false"}
            with running(Path(folder), PARLEY_WORKERS=str(workers), **settings) as parley:
                talker = Talker(parley.url, parley.api_key())
                with asyncio.Runner() as runner:
                    cuts = [runner.run(stopped(talker, base_url)) for _ in range(options.times)]
                    kills = [runner.run(killed(parley, talker)) for _ in range(options.times)]
        print(
            f"{workers} worker(s): gone on after {median(kills):.1f} s (worst {max(kills):.1f}), "
            f"stream closed {median(cuts):.0f} ms after stop (worst {max(cuts):.0f})"
        )


if __name__ == "__main__":
    main()
