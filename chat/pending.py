"""What a run waits for: calls that a person has to allow, questions that they have to answer."""

from dataclasses import dataclass
from typing import Literal

from agents.events import (
    QuestionAnswered,
    QuestionAsked,
    ToolApprovalRequested,
    ToolApproved,
    ToolDenied,
)
from chat.models import Run
from tracer.log import read_correlated

KINDS = tuple(
    kind.kind
    for kind in (QuestionAnswered, QuestionAsked, ToolApprovalRequested, ToolApproved, ToolDenied)
)


@dataclass(frozen=True, slots=True)
class Pending:
    """A call that waits. `digest` is of an approval's call, `content` is a question's text."""

    kind: Literal["approval", "question"]
    call: str
    name: str
    seq: int
    digest: str = ""
    content: str = ""


def of(run: Run) -> dict[str, Pending]:
    """Return what a run still waits for, by call."""
    found: dict[str, Pending] = {}
    for entry in read_correlated([run.id], kinds=KINDS):
        match entry.event:
            case ToolApprovalRequested() as event:
                found[event.call] = Pending(
                    "approval", event.call, event.name, entry.seq, digest=event.digest
                )
            case QuestionAsked() as event:
                found[event.question] = Pending(
                    "question", event.question, event.name, entry.seq, content=event.content
                )
            case ToolApproved(call=call) | ToolDenied(call=call):
                found.pop(call, None)
            case QuestionAnswered(question=question):
                found.pop(question, None)
            case _:
                pass
    return found
