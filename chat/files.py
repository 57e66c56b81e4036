"""A thread as a file: its whole tree of messages, with what was done for each answer.

Files come from people, and from elsewhere: what they say is checked, and they can't say more than
a conversation holds.
"""

import io
import json
import zipfile
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from agents.events import LLMResponded, NoticeTold, ToolCalled, ToolFailed, ToolReturned
from agents.messages import Usage
from agents.text import clean_json
from chat import chatgpt
from chat.errors import BadImport
from tracer.events import Event, load

ONE, MANY = "parley.thread", "parley.threads"
MOST_THREADS = 10_000
MOST_MESSAGES = 20_000
MOST_CHARACTERS = 2_000_000
INSIDE = "conversations.json"
STEPS: tuple[type[Event], ...] = (LLMResponded, ToolCalled, ToolReturned, ToolFailed, NoticeTold)
STEP_KINDS = tuple(kind.kind for kind in STEPS)
NOBODY = UUID(int=0)


class Entry(BaseModel):
    """What all parts of a file have in common."""

    model_config = ConfigDict(extra="ignore")


class StepEntry(Entry):
    """Something that was done for an answer: an event, without the run it belonged to."""

    kind: str
    data: dict[str, JsonValue]
    duration_ms: int | None = Field(None, ge=0, le=2**31 - 1)

    def event(self, run: UUID) -> Event:
        """Return the step as an event of a run.

        Raises:
            BadImport: It is no step, or not like one.
        """
        if self.kind not in STEP_KINDS:
            msg = f"{self.kind[:60]!r} is nothing that is done for an answer."
            raise BadImport(msg)
        try:
            return load(self.kind, {**self.data, "run": str(run)})
        except ValidationError as error:
            msg = f"A step ({self.kind}) can't be read: {error.errors()[0]['msg']}."
            raise BadImport(msg) from error


class MessageEntry(Entry):
    """A message. `steps` and `usage` are those of the run that it is the answer of."""

    id: str = Field(max_length=100)
    parent: str | None = Field(None, max_length=100)
    role: Literal["user", "assistant"]
    content: str = Field(max_length=MOST_CHARACTERS)
    agent: str = Field("", max_length=50)
    created_at: AwareDatetime | None = None
    finish: Literal["complete", "stopped", "failed"] = "complete"
    pinned: bool = False
    usage: Usage | None = None
    steps: list[StepEntry] = Field([], max_length=1_000)


class ThreadFile(Entry):
    """A thread. Each message comes behind its parent."""

    format: Literal["parley.thread"] = "parley.thread"
    version: Literal[1] = 1
    title: str = ""
    agent: str = Field("", max_length=50)
    started_at: datetime | None = None
    head: str | None = None
    messages: list[MessageEntry] = Field(max_length=MOST_MESSAGES)

    def check(self) -> None:
        """Refuse what is no tree.

        Raises:
            BadImport: A message stands there twice, before its parent, or without one.
        """
        seen: set[str] = set()
        for number, message in enumerate(self.messages, start=1):
            if message.id in seen:
                msg = f"Message {number} has the id of another one."
                raise BadImport(msg)
            if message.parent is not None and message.parent not in seen:
                msg = f"Message {number} follows one that does not stand before it."
                raise BadImport(msg)
            seen.add(message.id)
        if self.head is not None and self.head not in seen:
            msg = "The head is none of the messages."
            raise BadImport(msg)


def dump(files: list[ThreadFile]) -> str:
    """Write threads as JSON: one as itself, several as a list of them."""
    written = [file.model_dump(mode="json", exclude_defaults=True) for file in files]
    written = [{"format": ONE, "version": 1, **each} for each in written]
    several = {"format": MANY, "version": 1, "threads": written}
    whole = written[0] if len(written) == 1 else several
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def load_files(data: bytes, *, most_bytes: int) -> list[ThreadFile]:
    """Read threads: what `dump` wrote, or an export of ChatGPT, plain or in its archive.

    Args:
        data: The file.
        most_bytes: How much an archive may unfold to.

    Raises:
        BadImport: It is none of these, or something in it can't be.
    """
    try:
        content = clean_json(json.loads(_unpacked(data, most_bytes)))
        files = [ThreadFile.model_validate(each) for each in _threads(content)]
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        msg = f"This is no file of threads: {where}: {first['msg']}."
        raise BadImport(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"This is no file of threads: it is no JSON ({str(error)[:200]})."
        raise BadImport(msg) from error
    for file in files:
        file.check()
    return files


def _unpacked(data: bytes, most_bytes: int) -> bytes:
    """Return the JSON of a file that may be ChatGPT's archive."""
    if not data.startswith(b"PK"):
        return data
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open(INSIDE) as inside:
            read = inside.read(most_bytes + 1)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, EOFError) as error:
        msg = f"This archive has no {INSIDE} that can be read."
        raise BadImport(msg) from error
    if len(read) > most_bytes:
        msg = f"What is in this archive has more than {most_bytes:,} bytes."
        raise BadImport(msg)
    return read


def _threads(content: Any) -> list[Any]:  # noqa: ANN401  (whatever JSON there is)
    """Return what stands for threads in a file."""
    found: list[Any] = []
    match content:
        case {"format": "parley.thread"}:
            found = [content]
        case {"format": "parley.threads", "threads": list(threads)}:
            found = threads
        case {"mapping": dict()}:
            found = [chatgpt.converted(content)]
        case list() if content and all(chatgpt.is_conversation(each) for each in content):
            found = [chatgpt.converted(each) for each in content]
        case _:
            msg = "This is neither a file of threads nor an export of ChatGPT."
            raise BadImport(msg)
    if len(found) > MOST_THREADS:
        msg = f"The file has more than {MOST_THREADS:,} threads."
        raise BadImport(msg)
    return found
