"""Runs from outside: order, event streams, slow clients, restarts, a locked database."""

import asyncio
import contextlib
import json
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.acceptance.talker import ENDS, Conversation, Frame, Talker
from tests.support.installation import Installation, running, wait_until
from tests.support.side_effects import SWITCH_ON, SideEffects
from tests.support.stand_in import StandIn, script, tokens


async def test_twenty_messages_at_once_are_answered_one_by_one(talker: Talker) -> None:
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        for number in range(20):
            await talk.say(script(text=f"Answer {number}."), client_id=str(uuid_of(number)))
        for _ in range(20):
            await talk.until(*ENDS)

    said = [data for data in talk.all("message.added") if data["role"] == "assistant"]
    assert [data["content"] for data in said] == [f"Answer {number}." for number in range(20)]
    running_now = 0
    for event in talk.events:
        running_now += (event["kind"] == "run.started") - (event["kind"] in ENDS)
        assert running_now <= 1


def uuid_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


async def test_fifty_threads_take_no_longer_than_one(talker: Talker) -> None:
    async def together(threads: list[str]) -> float:
        """Ask in all threads at once; return how long it took, from question to last answer."""
        opened, begin = asyncio.Semaphore(0), asyncio.Event()

        async def one(thread: str) -> None:
            async with talker.open(thread) as talk:
                await talk.until("ready")
                opened.release()
                await begin.wait()
                await talk.ask(script(tokens=240, per_second=40))
                assert talk.answer == "".join(tokens(240))

        asking = [asyncio.create_task(one(thread)) for thread in threads]
        for _ in threads:
            await opened.acquire()
        began = time.monotonic()
        begin.set()
        await asyncio.gather(*asking)
        return time.monotonic() - began

    alone = await together([talker.thread()])
    assert await together([talker.thread() for _ in range(50)]) < 1.5 * alone


# Server-sent events -----------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def listening(
    talker: Talker, thread: str, **headers: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    """Listen to a thread's server-sent events."""
    address = f"{talker.url}/api/v1/threads/{thread}/stream"
    async with (
        aiohttp.ClientSession(headers={**talker.headers, **headers}) as session,
        session.get(address) as stream,
    ):
        assert stream.status == 200
        assert stream.headers["Content-Type"].startswith("text/event-stream")

        async def frames() -> AsyncIterator[Frame]:
            number = None
            async for line in stream.content:
                if line.startswith(b"id: "):
                    number = int(line[4:])
                elif line.startswith(b"data: "):
                    frame: Frame = json.loads(line[6:])
                    assert frame["type"] != "event" or frame["seq"] == number
                    yield frame

        yield frames()


async def test_server_sent_events_tell_what_the_socket_tells(talker: Talker) -> None:
    thread = talker.thread()
    expected = "".join(tokens(60))
    heard = Conversation()
    async with listening(talker, thread) as frames, talker.open(thread) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=60, per_second=60))
        async for frame in frames:
            heard.take(frame)
            if len(heard.text) > len(expected) // 2:
                break
    async with listening(talker, thread, **{"Last-Event-ID": str(heard.last_seq)}) as frames:
        async for frame in frames:
            heard.take(frame)
            if frame.get("kind") == "run.completed":
                break

    assert [event["seq"] for event in heard.events] == list(range(1, heard.last_seq + 1))
    assert expected.startswith(heard.text)
    assert heard.answer == expected


def test_server_sent_events_are_for_the_owner(talker: Talker) -> None:
    address = f"{talker.url}/api/v1/threads/{talker.thread()}/stream"

    assert httpx.get(address).status_code == 401
    bad = {**talker.headers, "Last-Event-ID": "yesterday"}
    assert httpx.get(address, headers=bad).json()["code"] == "bad_after"


# Slow clients -----------------------------------------------------------------------------------

TIMES = 7  # 300 kB, thrice each: more than the system's buffers hold


async def test_a_client_that_stops_reading_is_let_go_and_catches_up(
    tmp_path: Path, shared_server: tuple[str, StandIn]
) -> None:
    settings = {"OPENAI_BASE_URL": shared_server[0], "THREAD_TITLES": "false"}
    with running(tmp_path / "data", SLOW_CLIENT_SECONDS="2", **settings) as parley:
        talker = Talker(parley.url, parley.api_key())
        thread = talker.thread()
        with _open_and_stop_reading(parley, talker, thread):
            async with talker.open(thread) as talk:
                await talk.until("ready")
                for _ in range(TIMES):
                    await talk.ask(script(tokens=30_000))

            def is_let_go() -> bool:
                return any("socket_too_slow" in line for line in parley.lines)

            await asyncio.to_thread(wait_until, is_let_go, seconds=10, what="the end")
        async with talker.open(thread) as again:
            await again.until("ready")

    expected = "".join(tokens(30_000))
    for each in (talk, again):
        said = [data for data in each.all("message.added") if data["role"] == "assistant"]
        assert [data["content"] for data in said] == [expected] * TIMES


def _open_and_stop_reading(parley: Installation, talker: Talker, thread: str) -> socket.socket:
    """Open a thread's socket by hand, and never read from it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", parley.port))
    connection.sendall(
        f"GET /ws/threads/{thread}/ HTTP/1.1\r\nHost: 127.0.0.1:{parley.port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"Authorization: {talker.headers['Authorization']}\r\n\r\n".encode()
    )
    assert b"101" in connection.recv(32)
    return connection


# Restarts ---------------------------------------------------------------------------------------


@pytest.fixture
def notes(tmp_path: Path) -> SideEffects:
    """What tools leave behind."""
    return SideEffects(tmp_path / "package")


def settings_of(server: tuple[str, StandIn], notes: SideEffects) -> dict[str, str]:
    return {"OPENAI_BASE_URL": server[0], "THREAD_TITLES": "false", **notes.settings}


async def test_a_worker_that_is_asked_to_end_hands_its_runs_over(
    tmp_path: Path, shared_server: tuple[str, StandIn], notes: SideEffects
) -> None:
    settings = settings_of(shared_server, notes)
    with running(tmp_path / "data", SHUTDOWN_SECONDS="1", **settings) as parley:
        talker = Talker(parley.url, parley.api_key())
        async with talker.open(talker.thread()) as short, talker.open(talker.thread()) as long:
            await short.until("ready")
            await long.until("ready")
            await short.say(script(tokens=40, per_second=40))
            await long.say(script(tokens=200, per_second=40))
            await long.until("delta")
            parley.child("worker").send_signal(signal.SIGTERM)
            await short.until(*ENDS)
            await long.until(*ENDS)

    assert short.answer == "".join(tokens(40))
    assert not short.all("run.handed_over")  # it had the time to finish
    assert long.answer == "".join(tokens(200))
    assert [data["attempt"] for data in long.all("run.handed_over")] == [1]
    assert not long.all("run.crashed")


def approve_twice(parley: Installation, run: str, call: str) -> list[int]:
    """Allow a call over REST, and once more; return the answers' statuses."""
    with parley.client() as client:
        assert client.get(f"/runs/{run}").json()["waits_for"][0]["call"] == call
        path, body = f"/runs/{run}/approvals/{call}", {"decision": "allow"}
        return [client.post(path, json=body).status_code for _ in range(2)]


async def deny(talk: Conversation, wanted: dict[str, str]) -> None:
    """Have a call asked for once more, and refuse it over the socket."""
    await talk.say(script(calls=[wanted]))
    call = (await talk.until("run.waiting"))["data"]["calls"][0]
    await talk.socket.send_json({"type": "approve", "call": call, "decision": "deny"})
    await talk.until(*ENDS)


async def test_a_run_that_waits_outlasts_a_restart_and_goes_on_from_another_channel(
    tmp_path: Path, shared_server: tuple[str, StandIn], notes: SideEffects
) -> None:
    settings = settings_of(shared_server, notes)
    wanted = {"name": "note_with_leave", "arguments": '{"text": "paid"}'}
    with running(tmp_path / "data", **settings) as parley:
        assert parley.command("shell", "-c", SWITCH_ON).returncode == 0
        talker = Talker(parley.url, parley.api_key())
        thread = talker.thread()
        async with talker.open(thread) as talk:
            await talk.until("ready")
            await talk.say(script(calls=[wanted]))
            waiting = await talk.until("run.waiting")
    assert notes.count("done paid") == 0

    with running(tmp_path / "data", **settings) as parley:
        talker = Talker(parley.url, parley.api_key())
        async with talker.open(thread, after=waiting["seq"]) as talk:
            await talk.until("ready")
            run, call = waiting["data"]["run"], waiting["data"]["calls"][0]
            answers = approve_twice(parley, run, call)
            end = await talk.until(*ENDS)
            await deny(talk, wanted)

    assert answers == [202, 409]
    assert end["kind"] == "run.completed"
    assert "does not allow this call" in talk.answer
    assert talk.all("message.added")[0]["content"] == "The tools say: noted paid"
    assert notes.count("done paid") == 1


# The database -----------------------------------------------------------------------------------


async def test_a_database_that_is_locked_for_a_while_is_waited_for(
    parley: Installation, talker: Talker
) -> None:
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=60, per_second=60))
        await talk.until("delta")
        with contextlib.closing(sqlite3.connect(parley.folder / "parley.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            await talk.say(script(text="Said while it was locked."))
            await asyncio.sleep(2.0)
            other.rollback()
        await talk.until(*ENDS)
        await talk.until(*ENDS)

    said = [data for data in talk.all("message.added") if data["role"] == "assistant"]
    assert [data["content"] for data in said] == [
        "".join(tokens(60)),
        "Said while it was locked.",
    ]
