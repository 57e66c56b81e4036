"""The socket's contract, with real processes at both ends."""

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from tests.acceptance.talker import Conversation, Talker
from tests.support.installation import Installation, wait_until
from tests.support.stand_in import StandIn, script, tokens

DEMO_QUESTION = "What is 17*23, and what date is next Tuesday?"


async def test_two_thousand_tokens_arrive_whole_and_in_order(talker: Talker) -> None:
    async with talker.open(talker.thread()) as talk:
        end = await talk.ask(script(tokens=2000))

    expected = "".join(tokens(2000))
    assert end["data"]["state"] == "completed"
    assert talk.answer == expected
    assert expected.startswith(talk.text)
    assert len(talk.text) > len(expected) // 2  # it streamed


async def test_a_slow_answer_streams_token_by_token(talker: Talker) -> None:
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=40, per_second=40))
        frames = []
        while (frame := await talk.frame()).get("kind") != "run.completed":
            frames.append(frame)

    deltas = [frame for frame in frames if frame["type"] == "delta"]
    assert len(deltas) > 30
    assert talk.text == talk.answer == "".join(tokens(40))
    assert {(d["run"], d["message"], d["attempt"]) for d in deltas} == {
        (talk.all("run.started")[0]["run"], talk.all("run.started")[0]["answer"], 1)
    }


async def test_thoughts_stream_apart_from_the_answer(talker: Talker) -> None:
    thinks = " ".join(f"thought{number}" for number in range(40))
    pieces = []
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(script(text="42", thinks=thinks, per_second=80))
        while (frame := await talk.frame()).get("kind") != "run.completed":
            pieces += [frame] if frame["type"] == "thinking" else []

    (responded,) = talk.all("llm.responded")
    assert len(pieces) > 5
    assert [piece["offset"] for piece in pieces] == [
        sum(len(each["text"]) for each in pieces[:place]) for place in range(len(pieces))
    ]
    assert "".join(piece["text"] for piece in pieces) == responded["thinking"] == thinks
    assert (responded["content"], talk.text, talk.answer) == ("42", "42", "42")


async def test_the_demo_calls_two_tools_and_has_both_results(talker: Talker) -> None:
    async with talker.open(talker.thread("demo")) as talk:
        await talk.ask(DEMO_QUESTION)

    assert sorted(data["name"] for data in talk.all("tool.called")) == [
        "calculator",
        "resolve_date",
    ]
    assert "391" in talk.answer
    assert talk.all("tool.returned")[0].keys() >= {"run", "call", "name", "result"}
    seqs = [event["seq"] for event in talk.events]
    assert seqs == list(range(1, len(seqs) + 1))


async def test_a_client_goes_on_where_it_was(talker: Talker) -> None:
    thread = talker.thread()
    async with talker.open(thread) as talk:
        await talk.ask("one")
        seen = talk.last_seq
    async with talker.open(thread, after=seen) as again:
        ready = await again.until("ready")
        await again.ask("two")

    assert ready["last_seq"] >= seen
    assert all(event["seq"] > seen for event in again.events)
    assert again.answer == "You said: two"


async def test_a_client_that_comes_in_the_middle_gets_a_snapshot(talker: Talker) -> None:
    thread = talker.thread()
    expected = "".join(tokens(120))
    async with talker.open(thread) as first:
        await first.until("ready")
        await first.say(script(tokens=120, per_second=60))
        while len(first.text) < len(expected) // 3:
            await first.frame()
        seen = first.last_seq
    async with talker.open(thread, after=seen) as second, talker.open(thread) as third:
        assert (await second.frame())["type"] == "snapshot"
        for talk in (second, third):
            await talk.until("run.completed")

    assert second.answer == third.answer == expected
    assert second.text == third.text == expected


async def test_clients_that_drop_at_any_moment_lose_nothing(talker: Talker) -> None:
    thread = talker.thread()
    expected = "".join(tokens(150))
    async with talker.open(thread) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=150, per_second=100))
    events: dict[int, Any] = {}
    for drops in range(12):
        async with talker.open(thread, after=max(events, default=0)) as talk:
            for _ in range(drops):
                await talk.frame()
            for event in talk.events:
                assert event["seq"] not in events
                events[event["seq"]] = event
            assert expected.startswith(talk.text)
    async with talker.open(thread, after=max(events)) as talk:
        if not any(event["kind"] == "run.completed" for event in events.values()):
            await talk.until("run.completed")
        events |= {event["seq"]: event for event in talk.events}

    assert sorted(events) == list(range(1, len(events) + 1))
    answers = [e["data"]["content"] for e in events.values() if e["kind"] == "message.added"]
    assert answers[-1] == expected


async def test_stop_closes_the_stream_and_keeps_the_text(
    talker: Talker, shared_server: tuple[str, StandIn]
) -> None:
    cut = shared_server[1].seen["cut"]
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        await talk.say(script(tokens=100_000, per_second=100))
        while len(talk.text) < 100:
            await talk.frame()
        began = time.monotonic()
        await talk.socket.send_json({"type": "stop"})
        wait_until(lambda: shared_server[1].seen["cut"] > cut, seconds=5, what="the cut")
        took = time.monotonic() - began
        await talk.until("run.cancelled")

        assert took < 1
        assert talk.answer.startswith(talk.text[:100])
        assert talk.all("message.added")[-1]["finish"] == "stopped"
        await talk.socket.send_json({"type": "stop"})
        assert (await talk.until("error"))["code"] == "nothing_to_stop"


@pytest.mark.parametrize(
    ("fail", "after", "code", "seconds"),
    [
        ("429", 0, "rate_limited", 3),
        ("500", 0, "server_error", 3),
        ("401", 0, "unauthorized", 3),
        ("drop", 5, "stream_dropped", 3),
        ("malformed", 5, "bad_response", 3),
        ("silence", 5, "timeout", 6),
        ("silence", 0, "timeout", 6),
    ],
)
async def test_each_failure_ends_the_run_and_can_be_tried_again(
    talker: Talker, fail: str, after: int, code: str, seconds: float
) -> None:
    async with talker.open(talker.thread()) as talk:
        began = time.monotonic()
        end = await talk.ask(script(tokens=9, fail=fail, after=after))
        took = time.monotonic() - began

        error = end["data"]["error"]
        assert (end["kind"], error["code"]) == ("run.failed", code)
        assert isinstance(error["retryable"], bool)
        assert len(error["detail"].split()) > 4
        assert took < seconds
        if after:
            assert talk.answer == "".join(tokens(after))
        await talk.socket.send_json({"type": "retry"})
        again = await talk.until("run.failed")
        assert again["data"]["run"] != end["data"]["run"]


async def test_refused_commands_have_codes_and_leave_the_socket_open(talker: Talker) -> None:
    async with talker.open(talker.thread("demo")) as talk:
        await talk.until("ready")
        client_id = str(uuid4())
        for sent, code in (
            ("{", "malformed_json"),
            ('{"type": "dance"}', "unknown_type"),
            ('{"type": "send"}', "bad_command"),
            (json.dumps({"type": "send", "content": "x" * 100_001}), "too_long"),
            (json.dumps({"type": "send", "content": "x" * 700_000}), "too_long"),
            ('{"type": "send", "content": " "}', "empty"),
            (r'{"type": "send", "content": "a\u0000b"}', "bad_characters"),
            (r'{"type": "send", "content": "\ud83d"}', "bad_characters"),
            ('{"type": "send", "content": "x", "agent": "nobody"}', "no_such_agent"),
            (f'{{"type": "send", "content": "x", "parent": "{client_id}"}}', "no_such_message"),
            ('{"type": "send", "content": "x", "attachments": ["1"]}', "bad_command"),
            (
                (
                    '{"type": "send", "content": "x", "attachments": '
                    '["00000000-0000-0000-0000-000000000000"]}'
                ),
                "no_such_attachment",
            ),
            ('{"type": "stop"}', "nothing_to_stop"),
            ('{"type": "retry"}', "nothing_to_retry"),
            ('{"type": "approve", "call": "c", "decision": "allow"}', "nothing_to_approve"),
            ('{"type": "answer", "question": "q", "content": "x"}', "nothing_to_answer"),
        ):
            await talk.socket.send_str(sent)
            frame = await talk.frame()
            assert (frame["type"], frame["code"]) == ("error", code)
            assert frame["detail"]
        await talk.socket.send_bytes(b"{}")
        assert (await talk.frame())["code"] == "malformed_json"
        await talk.socket.send_json({"type": "ping"})
        assert (await talk.frame())["type"] == "pong"
        await talk.say("", client_id=client_id)
        assert (await talk.frame())["client_id"] == client_id
    assert talk.last_seq == 1


async def test_a_message_sent_twice_is_one(talker: Talker) -> None:
    client_id = str(uuid4())
    async with talker.open(talker.thread()) as talk:
        await talk.until("ready")
        for _ in range(3):
            await talk.say("Hello", client_id=client_id)
        await talk.until("run.completed")
        await talk.ask("more")

    said = [data["content"] for data in talk.all("message.added") if data["role"] == "user"]
    assert said == ["Hello", "more"]


async def test_the_longest_message_is_taken(talker: Talker) -> None:
    async with talker.open(talker.thread()) as talk:
        end = await talk.ask("ü" * 50_000)

    assert end["kind"] == "run.completed"
    assert talk.answer == "You said: " + "ü" * 50_000


async def refused(talk: Conversation) -> tuple[str, int | None]:
    """Return the code of the error that comes, and the code the socket closes with."""
    frame = await talk.frame()
    message = await talk.socket.receive(timeout=10)
    assert message.type == aiohttp.WSMsgType.CLOSE
    return frame["code"], talk.socket.close_code


async def test_sockets_are_for_those_who_may(parley: Installation, talker: Talker) -> None:
    thread = talker.thread("demo")
    code = "from chat.models import User; User.objects.get_or_create(username='stranger')"
    assert parley.command("shell", "-c", code).returncode == 0
    made = parley.command("apikey", "create", "theirs", "--user", "stranger")
    theirs = {"Authorization": f"Bearer {made.stdout.strip()}"}

    async with talker.open(thread, headers=theirs) as talk:
        assert await refused(talk) == ("not_yours", 4403)
    for nobody in ({}, {"Authorization": "Bearer parley_wrong"}):
        async with talker.open(thread, headers=nobody) as talk:
            assert await refused(talk) == ("unauthorized", 4401)
    for missing in (str(uuid4()), "nonsense"):
        async with talker.open(missing) as talk:
            assert await refused(talk) == ("no_such_thread", 4404)
    async with talker.open(thread, after="minus") as talk:
        assert await refused(talk) == ("bad_after", 4400)
    async with talker.open(thread, headers={}, token=theirs["Authorization"][7:]) as talk:
        assert (await refused(talk))[0] == "not_yours"


async def test_a_key_that_is_revoked_loses_its_open_socket(
    parley: Installation, talker: Talker
) -> None:
    key = parley.command("apikey", "create", "short").stdout.strip()
    other = Talker(parley.url, key)
    async with other.open(talker.thread("demo")) as talk:
        await talk.until("ready")
        parley.command("apikey", "revoke", key[:13])
        await talk.say("Hello")
        assert await refused(talk) == ("unauthorized", 4401)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null"])
async def test_pages_from_elsewhere_are_kept_out(talker: Talker, origin: str) -> None:
    headers = {**talker.headers, "Origin": origin}
    with pytest.raises(aiohttp.WSServerHandshakeError) as kept_out:
        async with talker.open(talker.thread("demo"), headers=headers):
            pass

    assert kept_out.value.status == 403


async def test_our_own_pages_come_in(parley: Installation, talker: Talker) -> None:
    headers = {**talker.headers, "Origin": parley.url}
    async with talker.open(talker.thread("demo"), headers=headers) as talk:
        await talk.until("ready")


async def test_a_thread_can_begin_over_the_socket(talker: Talker) -> None:
    async with talker.open("new", agent="demo") as talk:
        started = await talk.until("thread.started")
        await talk.until("ready")
        await talk.ask("Hello")
    async with talker.open(started["data"]["thread"]) as again:
        await again.until("ready")

    assert [event["seq"] for event in again.events][: len(talk.events)] == [
        event["seq"] for event in talk.events
    ]


async def test_twenty_threads_are_answered_at_the_same_time(talker: Talker) -> None:
    async def one() -> str:
        async with talker.open(talker.thread()) as talk:
            await talk.ask(script(tokens=60, per_second=40))
            return talk.answer

    began = time.monotonic()
    answers = await asyncio.gather(*(one() for _ in range(20)))

    assert set(answers) == {"".join(tokens(60))}
    assert time.monotonic() - began < 15  # one takes 1.5 s


async def test_html_comes_to_who_asks_for_it(talker: Talker) -> None:
    said = "# Title\n\nA *word*.\n\n" + "more words " * 40
    async with talker.open(talker.thread(), render="html") as talk:
        await talk.until("ready")
        await talk.say(script(text=said))
        blocks = []
        while (frame := await talk.frame()).get("kind") != "run.completed":
            blocks += [frame] if frame["type"] == "block" else []

    last = [e for e in talk.events if e["kind"] == "message.added"][-1]["data"]
    assert "<h1>Title</h1>" in last["html"]
    assert last["content"] == said
    covered = "".join(said[block["start"] : block["end"]] for block in blocks)
    assert said.startswith(covered)


def test_no_test_conversation_differs_from_its_events(parley: Installation) -> None:
    done = parley.command("rebuild", "--check")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 differed" in done.stdout
