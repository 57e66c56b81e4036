"""Opening a thread and sending in it, at 10, 1,000 and 10,000 messages: it should cost the same.

Threads of each length are made in a Parley of their own, with the events that so many questions
and answers leave. Then, over HTTP and a WebSocket on loopback, round after round and each length
in turn: the page, the socket up to `ready`, a message up to its 202, its first text, its end, and
the thread as it stood half-way. The model is a stand-in server that answers at once.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

import aiohttp
import django
from django.db import transaction

if __name__ == "__main__":  # the settings are read once: they have to name the folder by then
    if "--folder" not in sys.argv:
        passing = tempfile.TemporaryDirectory()
        sys.argv += ["--folder", passing.name]
    os.environ["PARLEY_DATA_DIR"] = sys.argv[sys.argv.index("--folder") + 1]
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()

from benchmarks.stream import stand_in
from chat import credentials, gateway
from chat.events import MessageAdded, RunCompleted, RunQueued, RunStarted, stream_of
from tests.support.installation import Installation, running
from tracer import followers
from tracer.events import Event
from tracer.log import append

WARM_UP = 2
ROUNDS = 15
ANSWER = json.dumps({"text": "An answer of the stand-in server."})


def turn_of(thread: UUID, number: int, parent: UUID | None) -> tuple[UUID, UUID, list[Event]]:
    """Return a run's id, its answer's id, and the events of a question and its answer."""
    run, said, answer = uuid4(), uuid4(), uuid4()
    named = {"run": run, "agent": "openai"}
    message = {"thread": thread, "channel": "api", **named}
    question = {**message, "role": "user", "sender": "user:1", "content": f"Question {number}"}
    words = f"Answer {number}. " + "word " * 40
    reply = {**message, "role": "assistant", "sender": "agent:openai", "content": words}
    return (
        run,
        answer,
        [
            MessageAdded.model_validate({**question, "message": said, "parent": parent}),
            RunQueued.model_validate(
                {**named, "thread": thread, "message": said, "answer": answer}
            ),
            RunStarted.model_validate({**named, "attempt": 1, "answer": answer}),
            MessageAdded.model_validate({**reply, "message": answer, "parent": said}),
            RunCompleted.model_validate({**named, "message": answer}),
        ],
    )


@transaction.atomic
def fill(thread: UUID, count: int) -> None:
    """Give a thread so many messages, half of them answers."""
    place: UUID | None = None
    for number in range(count // 2):
        run, place, events = turn_of(thread, number, place)
        append(stream_of(thread), *events, actor="user:1", correlation_id=run)


class Visitor:
    """One person's browser, as far as time is concerned."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url
        self.times: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        self.began = 0.0

    def lap(self, what: str, size: int, *, last: bool = True) -> None:
        """Note how long something has taken, in ms."""
        now = time.perf_counter()
        self.times[what, size].append((now - self.began) * 1000)
        if last:
            self.began = now

    async def visit(self, thread: UUID, size: int) -> None:
        """Do all that is measured, once."""
        self.began = time.perf_counter()
        async with self.session.get(f"{self.url}/threads/{thread}/") as page:
            text = await page.text()
        self.lap("page", size)
        after = text.partition('data-last-seq="')[2].partition('"')[0]
        address = f"{self.url}/ws/threads/{thread}/?after={after}"
        async with self.session.ws_connect(address) as socket:
            await until(socket, "ready")
            self.lap("socket", size)
            path = f"{self.url}/api/v1/threads/{thread}/messages"
            async with self.session.post(path, json={"content": ANSWER}) as sent:
                sent.raise_for_status()
            self.lap("202", size)
            await until(socket, "delta", "snapshot")
            self.lap("first text", size, last=False)
            await until(socket, "run.completed")
            self.lap("end", size)
        moment = f"{self.url}/api/v1/threads/{thread}/at/{max(1, size * 5 // 4)}"
        async with self.session.get(moment) as then:
            then.raise_for_status()
            await then.read()
        self.lap("half-way back", size)


async def until(socket: "aiohttp.ClientWebSocketResponse", *wanted: str) -> None:
    """Take frames until one of these types or kinds."""
    while True:
        frame = await socket.receive_json(timeout=20)
        if {frame["type"], frame.get("kind")} & set(wanted):
            return


async def measure(parley: Installation, threads: dict[int, UUID], key: str) -> Visitor:
    """Visit each thread in turn, again and again."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address, too
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers, cookie_jar=jar) as session:
        async with session.get(parley.link) as signed_in:
            signed_in.raise_for_status()
        visitor = Visitor(session, parley.url)
        for round_number in range(WARM_UP + ROUNDS):
            if round_number == WARM_UP:
                visitor.times.clear()
            for size, thread in threads.items():
                await visitor.visit(thread, size)
        return visitor


def prepare(sizes: list[int]) -> dict[int, UUID]:
    """Make the threads, in this process, on the installation's database."""
    followers.silence()  # nobody has to hear of the past
    owner = credentials.owner()
    threads: dict[int, UUID] = {}
    for size in sizes:
        threads[size] = gateway.start(owner=owner, agent="openai", actor="user:1").id
        fill(threads[size], size)
    return threads


def show(visitor: Visitor, sizes: list[int]) -> None:
    """Print the table."""
    print("| ms, median | " + " | ".join(f"{size:,} messages" for size in sizes) + " | ratio |")
    print("|---" * (len(sizes) + 2) + "|")
    for what in ("page", "socket", "202", "first text", "end", "half-way back"):
        row = [median(visitor.times[what, size]) for size in sizes]
        cells = " | ".join(f"{each:.1f}" for each in row)
        print(f"| {what} | {cells} | {max(row) / row[0]:.2f} |")


def main() -> None:
    """Measure on an installation of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 1_000, 10_000])
    parser.add_argument(
        "--folder",
        type=Path,
        required=True,
        help="an empty folder for the data; a passing one if left out",
    )
    options = parser.parse_args()
    with stand_in() as base_url:
        settings = {"OPENAI_BASE_URL": base_url, "THREAD_TITLES": "false"}
        with running(options.folder, **settings) as parley:
            key = parley.api_key()
            threads = prepare(options.sizes)
            with asyncio.Runner() as runner:
                show(runner.run(measure(parley, threads, key)), options.sizes)


if __name__ == "__main__":
    main()
