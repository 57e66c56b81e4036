"""What an agent's work leaves in the stream: calls of models and of tools."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from pydantic import JsonValue

from agents.messages import Attached, Task, ToolCall, Usage
from tracer.events import Event


class LLMCalled(Event):
    """A model is asked. Its context is the stream up to here, folded.

    `steered` names the messages that reach it with this question, sent while the run was under
    way; `left_out` tells that its context had no room for the oldest messages.
    """

    kind: ClassVar[str] = "llm.called"

    run: UUID
    attempt: int
    model: str
    round: int
    messages: int
    tools: tuple[str, ...] = ()
    temperature: float | None = None
    steered: tuple[UUID, ...] = ()
    left_out: bool = False


class LLMResponded(Event):
    """A model has answered, with text, with calls of tools, or both.

    `cost` is in US dollars, if the model's prices are known. `cached` tells that the answer was
    kept from an earlier call; `signed` is what a provider wants back of its thinking.
    """

    kind: ClassVar[str] = "llm.responded"

    run: UUID
    attempt: int
    model: str
    content: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    finish_reason: str = "stop"
    thinking: str = ""
    cost: Decimal | None = None
    cached: bool = False
    signed: tuple[dict[str, JsonValue], ...] = ()


class LLMFailed(Event):
    """A model gave no answer, or not a whole one."""

    kind: ClassVar[str] = "llm.failed"

    run: UUID
    attempt: int
    model: str
    code: str
    detail: str
    retryable: bool


class ToolCalled(Event):
    """A tool begins. `offset` counts the characters of the answer that stand before it."""

    kind: ClassVar[str] = "tool.called"

    run: UUID
    call: str
    name: str
    arguments: dict[str, JsonValue]
    offset: int = 0


class ToolApprovalRequested(Event):
    """A tool may only be called if a person allows it. `digest` is of its name and arguments."""

    kind: ClassVar[str] = "tool.approval_requested"

    run: UUID
    call: str
    name: str
    arguments: dict[str, JsonValue]
    digest: str
    offset: int = 0


class ToolApproved(Event):
    """A person allows a call, with exactly these arguments.

    `remember` tells that the tool needs no leave any more in this thread.
    """

    kind: ClassVar[str] = "tool.approved"

    run: UUID
    call: str
    name: str
    digest: str
    remember: bool = False


class ToolDenied(Event):
    """A person, or the deadline, refuses a call. The model reads the reason."""

    kind: ClassVar[str] = "tool.denied"

    run: UUID
    call: str
    name: str
    digest: str
    reason: str


class QuestionAsked(Event):
    """A tool asks the person something; the answer is its result."""

    kind: ClassVar[str] = "question.asked"

    run: UUID
    question: str
    name: str
    content: str


class QuestionAnswered(Event):
    """The person has answered."""

    kind: ClassVar[str] = "question.answered"

    run: UUID
    question: str
    content: str


class ToolReturned(Event):
    """A tool has given its result."""

    kind: ClassVar[str] = "tool.returned"

    run: UUID
    call: str
    name: str
    result: JsonValue


class ToolFailed(Event):
    """A tool has failed. The model reads `error`."""

    kind: ClassVar[str] = "tool.failed"

    run: UUID
    call: str
    name: str
    error: str


class NoticeTold(Event):
    """An agent tells the person something while it works."""

    kind: ClassVar[str] = "notice.told"

    run: UUID
    content: str


class FileSent(Event):
    """An agent sends the person a file."""

    kind: ClassVar[str] = "file.sent"

    run: UUID
    file: Attached
    caption: str = ""


class PlanUpdated(Event):
    """An agent's list of tasks has changed; this is how it stands."""

    kind: ClassVar[str] = "plan.updated"

    run: UUID
    tasks: tuple[Task, ...]


class SkillLoaded(Event):
    """A skill's instructions reach a model.

    `content` is their text where the person has asked for it ("/name"); where the model has, it
    is the tool's result.
    """

    kind: ClassVar[str] = "skill.loaded"

    run: UUID
    skill: str
    content: str = ""


class AgentDelegated(Event):
    """An agent hands something over to another one, whose run (`child`) is nested in its own."""

    kind: ClassVar[str] = "agent.delegated"

    run: UUID
    child: UUID
    agent: str
    request: str


class MemoryUpdated(Event):
    """An agent keeps a fact about a person for later conversations, or forgets it."""

    kind: ClassVar[str] = "memory.updated"

    run: UUID
    memory: UUID
    content: str = ""
    forgotten: bool = False
