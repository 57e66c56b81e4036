"""Commands over the socket: read strictly, refused politely."""

import json
from uuid import UUID

import pytest

from chat import frames
from chat.errors import BadRequest


def test_commands_are_read_and_unknown_fields_ignored() -> None:
    client_id = "0190c0de-0000-4000-8000-000000000000"
    sent = {"type": "send", "content": "Hi", "client_id": client_id, "colour": "red"}

    command = frames.parse(json.dumps(sent))

    assert isinstance(command, frames.Send)
    assert (command.content, command.client_id) == ("Hi", UUID(client_id))
    assert isinstance(frames.parse('{"type": "stop"}'), frames.Stop)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed_json"),
        ("{", "malformed_json"),
        ("[" * 100_000, "malformed_json"),
        ("[]", "bad_command"),
        ('"send"', "bad_command"),
        ("{}", "unknown_type"),
        ('{"type": "dance"}', "unknown_type"),
        ('{"type": 7}', "unknown_type"),
        ('{"type": "send"}', "bad_command"),
        ('{"type": "send", "content": 7}', "bad_command"),
        ('{"type": "send", "content": "x", "client_id": "7"}', "bad_command"),
        ('{"type": "approve", "call": "c", "decision": "maybe"}', "bad_command"),
    ],
)
def test_what_can_not_be_read_has_a_code(text: str, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        frames.parse(text)

    assert refused.value.code == code
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "²", "9" * 19, "9" * 5_000])
def test_a_place_in_the_stream_is_a_whole_number(text: str) -> None:
    with pytest.raises(BadRequest, match="after is the seq") as refused:
        frames.seq(text, name="after")

    assert refused.value.code == "bad_after"
    assert frames.seq("9" * 18, name="after") == 10**18 - 1


def test_a_refusal_says_when_to_come_back() -> None:
    assert frames.error("queue_full", "Full.", retry_after_seconds=10) == {
        "type": "error",
        "code": "queue_full",
        "detail": "Full.",
        "retry_after": 10,
    }
