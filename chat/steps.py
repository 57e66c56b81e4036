"""What runs have done before they answered: the model's rounds that called tools, and results."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from agents.events import (
    LLMCalled,
    LLMResponded,
    QuestionAsked,
    SkillLoaded,
    ToolApprovalRequested,
    ToolApproved,
    ToolCalled,
    ToolFailed,
    ToolReturned,
)
from agents.messages import ToolCall, Turn
from agents.tools.execution import failure_text, result_text
from chat.events import RunCrashed
from chat.models import Message
from tracer.events import Event, Recorded
from tracer.log import read_correlated

CRASH_NOTE = (
    "While you were working on this, the process that ran you broke down. What your tools had "
    "returned by then stands above. The way you took may be what broke it: take another one."
)
KINDS = tuple(
    kind.kind
    for kind in (
        LLMCalled,
        LLMResponded,
        QuestionAsked,
        RunCrashed,
        SkillLoaded,
        ToolApprovalRequested,
        ToolApproved,
        ToolCalled,
        ToolFailed,
        ToolReturned,
    )
)


@dataclass(slots=True)
class Steps:
    """What one run has done: the model's rounds that called tools, what came between, results."""

    items: list[LLMResponded | Turn] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    approved: dict[str, str] = field(default_factory=dict)

    def take(self, entry: Recorded) -> None:
        """Take the next event of the run."""
        match entry.event:
            case LLMCalled(steered=messages) if messages:
                said = Message.objects.in_bulk(messages)
                self.items += [Turn(role="user", content=said[each].content) for each in messages]
            case LLMResponded(calls=[_, *_]) as event:
                self.items.append(event)
            case SkillLoaded(content=text) if text:
                self.items.append(Turn(role="user", content=text))
            case RunCrashed():
                self.items.append(Turn(role="system", content=CRASH_NOTE))
            case _:
                self._take_call(entry.event)

    def _take_call(self, event: Event) -> None:
        match event:
            case ToolApprovalRequested(call=call) | QuestionAsked(question=call):
                self.asked.add(call)
            case ToolApproved(call=call, digest=digest):
                self.approved[call] = digest
            case ToolCalled(call=call):
                self.started.add(call)
            case ToolReturned(call=call, result=result):
                self.results[call] = result_text(result)
            case ToolFailed(call=call, error=error):
                self.results[call] = failure_text(error)
            case _:
                pass

    @property
    def calls(self) -> list[ToolCall]:
        """All calls that the model has asked for."""
        return [
            call for item in self.items if isinstance(item, LLMResponded) for call in item.calls
        ]

    @property
    def waiting(self) -> set[str]:
        """The calls that a question was asked for and that have no result."""
        return self.asked - self.results.keys() - self.approved.keys()

    def close(self, sentence: str) -> None:
        """Give calls without a result a failure: their run has ended."""
        for call in self.calls:
            self.results.setdefault(call.id, failure_text(sentence))

    def turns(self, *, thinking: bool = False) -> list[Turn]:
        """Return the steps as a model sees them.

        Args:
            thinking: Whether with what it thought: it is wanted back until the answer is there.
        """
        found: list[Turn] = []
        for item in self.items:
            if isinstance(item, Turn):
                found.append(item)
                continue
            found.append(_said(item, thinking=thinking))
            found += [
                Turn(role="tool", call_id=call.id, content=self.results[call.id])
                for call in item.calls
                if call.id in self.results
            ]
        return found

    def open_and_after(self) -> tuple[list[Turn], list[Turn]]:
        """Return the turns up to a round whose calls have no results yet, and those behind it."""
        turns = self.turns(thinking=True)
        if all(call.id in self.results for call in self.calls):
            return turns, []
        after = len(turns)
        while after and turns[after - 1].role in {"system", "user"}:
            after -= 1
        return turns[:after], turns[after:]

    @property
    def text(self) -> str:
        """What was said in these rounds, as it stands in the answer."""
        rounds = (item for item in self.items if isinstance(item, LLMResponded))
        return "\n\n".join(said.content for said in rounds if said.content)


def has_loaded(run: UUID) -> bool:
    """Tell whether a skill was loaded for a run because the person named it."""
    loaded = read_correlated([run], kinds=[SkillLoaded.kind])
    return any(isinstance(each.event, SkillLoaded) and each.event.content for each in loaded)


def _said(event: LLMResponded, *, thinking: bool) -> Turn:
    return Turn(
        role="assistant",
        content=event.content,
        calls=event.calls,
        thinking=event.thinking if thinking else "",
        signed=event.signed if thinking else (),
    )


def steps_of(runs: Collection[UUID]) -> dict[UUID, Steps]:
    """Read the steps of runs, by run; one without steps may be missing."""
    found: dict[UUID, Steps] = {}
    for entry in read_correlated(runs, kinds=KINDS) if runs else ():
        if entry.correlation_id is not None:
            found.setdefault(entry.correlation_id, Steps()).take(entry)
    return found
