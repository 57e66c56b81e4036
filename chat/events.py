"""What happens to a conversation: the facts that its rows are folded from."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import JsonValue

from agents.messages import Attached, Usage, Value
from tracer.events import Event

PREFIX = "thread:"


def stream_of(thread: UUID) -> str:
    """Return the name of a thread's stream."""
    return f"{PREFIX}{thread}"


def topic_stream(owner: int, topic: str) -> str:
    """Return the name of the stream of what is published to one of a person's topics."""
    return f"topic:{owner}:{topic}"


def completion_stream(owner: int, completion: UUID) -> str:
    """Return the name of the stream of a conversation that a client keeps for itself."""
    return f"completion:{owner}:{completion}"


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
_ENDS = frozenset({RunState.FAILED, RunState.CANCELLED})
MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: _ENDS | {RunState.RUNNING},
    RunState.RUNNING: _ENDS
    | {RunState.QUEUED, RunState.RUNNING, RunState.WAITING, RunState.COMPLETED},
    RunState.WAITING: _ENDS | {RunState.QUEUED},
    RunState.COMPLETED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
}


class Problem(Value):
    """Why a run has failed: a code for programs, a sentence for people."""

    code: str
    detail: str
    retryable: bool


# Threads ----------------------------------------------------------------------------------------


class ThreadEvent(Event):
    """Something happened to a thread as a whole."""

    thread: UUID


class ThreadStarted(ThreadEvent):
    """A conversation begins."""

    kind: ClassVar[str] = "thread.started"

    owner: int
    agent: str
    title: str = ""


class ThreadForked(ThreadEvent):
    """A conversation goes on, elsewhere, from a place in another one.

    Everything of the other thread up to `origin_seq` is its past; what happens there later is not.
    """

    kind: ClassVar[str] = "thread.forked"

    owner: int
    agent: str
    title: str = ""
    origin: UUID
    origin_seq: int
    head: UUID | None


class ThreadRenamed(ThreadEvent):
    """The thread has a new title."""

    kind: ClassVar[str] = "thread.renamed"

    title: str


class ThreadArchived(ThreadEvent):
    """The thread is put away."""

    kind: ClassVar[str] = "thread.archived"


class ThreadRestored(ThreadEvent):
    """The thread is back."""

    kind: ClassVar[str] = "thread.restored"


class ThreadDeleted(ThreadEvent):
    """The thread is gone for good: the fields of all its earlier events are deleted.

    `forgotten` are the facts that agents had kept or forgotten in it: they are gone as well.
    """

    kind: ClassVar[str] = "thread.deleted"

    owner: int
    forgotten: tuple[UUID, ...] = ()


class ThreadAgentChanged(ThreadEvent):
    """Another agent answers by default."""

    kind: ClassVar[str] = "thread.agent_changed"

    agent: str


class ThreadHeadMoved(ThreadEvent):
    """Another message is where the conversation goes on."""

    kind: ClassVar[str] = "thread.head_moved"

    head: UUID


# Topics -----------------------------------------------------------------------------------------


class HookReceived(Event):
    """Another program has published something to a topic.

    `delivery` is the sender's own id of it; `body` is what it sent, as JSON if it is that.
    """

    kind: ClassVar[str] = "hook.received"

    topic: str
    delivery: str
    content_type: str
    body: JsonValue


# Completions ------------------------------------------------------------------------------------


class CompletionAsked(Event):
    """A client that keeps its conversation itself asks an agent. What was said is not kept here.

    `tools` are the client's own.
    """

    kind: ClassVar[str] = "completion.asked"

    run: UUID
    agent: str
    messages: int
    tools: tuple[str, ...] = ()


class CompletionEnded(Event):
    """The client has its answer, calls to make, or what went wrong."""

    kind: ClassVar[str] = "completion.ended"

    run: UUID
    agent: str
    finish: str
    usage: Usage | None = None
    error: Problem | None = None


# Messages ---------------------------------------------------------------------------------------


class MessageAdded(Event):
    """Somebody has said something.

    `agent` is who is asked, of a person's message, and who speaks, of an answer. `run` is the
    run that answers it, that it is given to while that runs (`steer`), or that it is the answer
    of. `finish` is "complete", or why an answer is not. `said_at` is when it was said, if that was
    elsewhere, before it was imported. `attachments` are the files that come with it.
    """

    kind: ClassVar[str] = "message.added"

    thread: UUID
    message: UUID
    role: Literal["user", "assistant"]
    content: str
    agent: str
    parent: UUID | None
    run: UUID | None
    channel: str
    sender: str
    client_id: UUID | None = None
    steer: bool = False
    finish: Literal["complete", "stopped", "failed"] = "complete"
    said_at: datetime | None = None
    attachments: tuple[Attached, ...] = ()


class MessageEdited(Event):
    """A message reads differently from now on."""

    kind: ClassVar[str] = "message.edited"

    thread: UUID
    message: UUID
    content: str


class MessageDelivered(Event):
    """A message stands in a channel elsewhere, whole.

    `place` says where there, in the channel's own words; `references` are its ids of it.
    """

    kind: ClassVar[str] = "message.delivered"

    thread: UUID
    message: UUID
    channel: str
    place: str
    references: tuple[str, ...] = ()


class MessagePinned(Event):
    """A message stays word for word in what a model sees, however long the thread becomes."""

    kind: ClassVar[str] = "message.pinned"

    thread: UUID
    message: UUID


class MessageUnpinned(Event):
    """A message may be summarised again."""

    kind: ClassVar[str] = "message.unpinned"

    thread: UUID
    message: UUID


class ContextCompacted(Event):
    """A model has summarised the older part of a conversation; the messages stay as they are.

    From now on the summary stands for everything up to the message `until`. `first` is the
    first message that it was made from, with the summary before that; their seqs are those of
    the streams they are in. `left_out` tells that what came before `first` was too long to be
    summarised; `skills` are those that were loaded in what was. `cost` is in US dollars, if the
    model's prices are known.
    """

    kind: ClassVar[str] = "context.compacted"

    thread: UUID
    run: UUID
    agent: str
    summary: str
    first: UUID
    first_seq: int
    until: UUID
    until_seq: int
    messages: int
    model: str
    left_out: bool = False
    skills: tuple[str, ...] = ()
    usage: Usage | None = None
    cost: Decimal | None = None


# Runs -------------------------------------------------------------------------------------------


class RunEvent(Event):
    """Something happened to a run."""

    run: UUID
    agent: str


class RunQueued(RunEvent):
    """A run waits for a worker. `answer` is the id that its answer will have."""

    kind: ClassVar[str] = "run.queued"

    thread: UUID
    message: UUID
    answer: UUID
    retry_of: UUID | None = None
    state: Literal[RunState.QUEUED] = RunState.QUEUED


class RunStarted(RunEvent):
    """A worker has begun, or begun again."""

    kind: ClassVar[str] = "run.started"

    attempt: int
    answer: UUID
    state: Literal[RunState.RUNNING] = RunState.RUNNING


class RunCrashed(RunEvent):
    """The worker of a run has vanished. The run goes on elsewhere, or fails."""

    kind: ClassVar[str] = "run.crashed"

    attempt: int
    state: Literal[RunState.RUNNING] = RunState.RUNNING


class RunHandedOver(RunEvent):
    """The worker of a run shuts down in good order; another one goes on."""

    kind: ClassVar[str] = "run.handed_over"

    attempt: int
    state: Literal[RunState.QUEUED] = RunState.QUEUED


class RunWaiting(RunEvent):
    """The run needs a person. It holds no worker until all `calls` are decided or answered."""

    kind: ClassVar[str] = "run.waiting"

    calls: tuple[str, ...]
    until: datetime
    state: Literal[RunState.WAITING] = RunState.WAITING


class RunResumed(RunEvent):
    """The person has decided; the run waits for a worker."""

    kind: ClassVar[str] = "run.resumed"

    state: Literal[RunState.QUEUED] = RunState.QUEUED


class RunCancelRequested(RunEvent):
    """Somebody pressed stop; the worker ends the run."""

    kind: ClassVar[str] = "run.cancel_requested"

    state: Literal[RunState.RUNNING] = RunState.RUNNING


class RunCompleted(RunEvent):
    """The answer is there."""

    kind: ClassVar[str] = "run.completed"

    message: UUID
    usage: Usage | None = None
    state: Literal[RunState.COMPLETED] = RunState.COMPLETED


class RunFailed(RunEvent):
    """There is no answer, or only a part of one. It may be tried again."""

    kind: ClassVar[str] = "run.failed"

    error: Problem
    message: UUID | None = None
    usage: Usage | None = None
    state: Literal[RunState.FAILED] = RunState.FAILED


class RunCancelled(RunEvent):
    """Somebody stopped the run. What was said is kept."""

    kind: ClassVar[str] = "run.cancelled"

    message: UUID | None = None
    usage: Usage | None = None
    state: Literal[RunState.CANCELLED] = RunState.CANCELLED
