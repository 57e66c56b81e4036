"""What goes over a thread's socket: commands in, frames out. The contract is in DESIGN's words.

A command that can't be read becomes an error frame; the socket stays open.
"""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chat.errors import BadRequest
from tracer.events import Recorded

Frame = dict[str, Any]

MOST_DIGITS = 18  # of a number that a database takes


class Command(BaseModel):
    """What a client may ask for. Fields that are not known are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Send(Command):
    """Say something."""

    type: Literal["send"]
    content: str
    client_id: UUID | None = None
    agent: str | None = None
    parent: UUID | None = None
    replaces: UUID | None = None
    steer: bool = False
    attachments: list[UUID] = Field([], max_length=10)


class Stop(Command):
    """Stop what runs."""

    type: Literal["stop"]


class Retry(Command):
    """Have the last message, or the one named, answered once more."""

    type: Literal["retry"]
    message: UUID | None = None


class Ping(Command):
    """Is anybody there?"""

    type: Literal["ping"]


class Approve(Command):
    """Decide on a tool's call that waits for a person."""

    type: Literal["approve"]
    call: str
    decision: Literal["allow", "deny"]
    remember: bool = False


class Answer(Command):
    """Answer an agent's question."""

    type: Literal["answer"]
    question: str
    content: str


AnyCommand = Annotated[Send | Stop | Retry | Ping | Approve | Answer, Field(discriminator="type")]
_commands: TypeAdapter[Send | Stop | Retry | Ping | Approve | Answer] = TypeAdapter(AnyCommand)


def parse(text: str) -> Send | Stop | Retry | Ping | Approve | Answer:
    """Read a command.

    Raises:
        BadRequest: With the code "malformed_json", "unknown_type" or "bad_command".
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = 'This is no JSON. A command looks like {"type": "send", "content": "Hello"}.'
        raise BadRequest(msg, code="malformed_json") from error
    try:
        return _commands.validate_python(content)
    except ValidationError as error:
        raise _refusal(error, content) from error


def _refusal(error: ValidationError, content: object) -> BadRequest:
    first = error.errors()[0]
    if first["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        name = content.get("type") if isinstance(content, dict) else None
        msg = f"There is no command of type {str(name)[:50]!r}."
        return BadRequest(msg, code="unknown_type")
    if not isinstance(content, dict):
        return BadRequest("A command is a JSON object with a type.", code="bad_command")
    where = ".".join(str(part) for part in first["loc"][1:])
    return BadRequest(f"{where or 'The command'}: {first['msg']}.", code="bad_command")


def seq(text: str, *, name: str) -> int:
    """Read the seq of the last event that a client has.

    Raises:
        BadRequest: It is no whole number; its code is "bad_after".
    """
    if not text.isascii() or not text.isdecimal() or len(text) > MOST_DIGITS:
        msg = f"{name} is the seq of the last event you have: a whole number."
        raise BadRequest(msg, code="bad_after")
    return int(text)


def event(entry: Recorded, more: Frame | None = None) -> Frame:
    """Write a durable event; `more` is added to its data."""
    data = {**entry.event.payload(), **(more or {})}
    return {
        "type": "event",
        "seq": entry.seq,
        "kind": entry.kind,
        "at": entry.at.isoformat(),
        "correlation_id": str(entry.correlation_id) if entry.correlation_id else None,
        "actor": entry.actor,
        "duration_ms": entry.duration_ms,
        "data": data,
    }


def ready(last_seq: int) -> Frame:
    """Write that the client has all there is."""
    return {"type": "ready", "last_seq": last_seq}


def error(
    code: str,
    detail: str,
    *,
    client_id: UUID | None = None,
    retry_after_seconds: int | None = None,
) -> Frame:
    """Write what went wrong: a code for programs, a sentence for people, when to come back."""
    frame: Frame = {"type": "error", "code": code, "detail": detail}
    if retry_after_seconds is not None:
        frame["retry_after"] = retry_after_seconds
    if client_id is not None:
        frame["client_id"] = str(client_id)
    return frame


def encode(frame: Frame) -> str:
    """Return a frame as it goes over the socket."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
