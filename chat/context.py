"""From the stream to what a model sees: the path to a message, with the tools' results.

The path is read from its end, until the model's window is full: a long thread costs no more
than a short one.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

from django.conf import settings

from agents.events import (
    LLMCalled,
    LLMResponded,
    QuestionAsked,
    ToolApprovalRequested,
    ToolApproved,
    ToolCalled,
    ToolFailed,
    ToolReturned,
)
from agents.messages import ToolCall, Turn
from agents.models import Agent
from agents.tools.collection import Registry
from agents.tools.execution import Decisions, failure_text, result_text
from chat import timeline, tree
from chat.events import RunCrashed
from chat.models import Message, Run
from tracer.events import Event, Recorded
from tracer.log import read_correlated

CRASH_NOTE = (
    "While you were working on this, the process that ran you broke down. What your tools had "
    "returned by then stands above. The way you took may be what broke it: take another one."
)
UNKNOWN_OUTCOME = (
    "The process broke down while this tool was at work. Nobody knows whether it took effect: "
    "check before you call it again."
)
LEFT_OUT = "The conversation is longer than what you see: its older part is left out here."
PAGE = 200  # messages
CHARACTERS_PER_TOKEN = 4  # of ordinary text, on the low side
KINDS = tuple(
    kind.kind
    for kind in (
        LLMCalled,
        LLMResponded,
        QuestionAsked,
        RunCrashed,
        ToolApprovalRequested,
        ToolApproved,
        ToolCalled,
        ToolFailed,
        ToolReturned,
    )
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a run's model is to see.

    Attributes:
        turns: The conversation. It may end in calls without results: those come first.
        notes: What the model is told once those calls have their results.
        begun: The text that the answer already has.
        decisions: What a person has been asked about the calls, and has allowed.
        left_out: Whether older messages had no room.
    """

    turns: list[Turn]
    notes: list[Turn]
    begun: str
    decisions: Decisions
    left_out: bool


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

    def turns(self) -> list[Turn]:
        """Return the steps as a model sees them."""
        found: list[Turn] = []
        for item in self.items:
            if isinstance(item, Turn):
                found.append(item)
                continue
            found.append(Turn(role="assistant", content=item.content, calls=item.calls))
            found += [
                Turn(role="tool", call_id=call.id, content=self.results[call.id])
                for call in item.calls
                if call.id in self.results
            ]
        return found

    def open_and_after(self) -> tuple[list[Turn], list[Turn]]:
        """Return the turns up to a round whose calls have no results yet, and those behind it."""
        turns = self.turns()
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


def build(run: Run, agent: Agent, tools: Registry) -> Context:
    """Fold a thread into the conversation that a run's model sees.

    Args:
        run: The run; what it has done before a crash or a wait is taken from the stream.
        agent: Who answers.
        tools: The agent's tools; they say what may be called again after a crash.
    """
    own = _steps([run.id]).get(run.id, Steps())
    if run.attempt:
        _close_unknown(own, tools)
    open_turns, notes = own.open_and_after()
    system = [Turn(role="system", content=agent.system_prompt)] if agent.system_prompt else []
    room = settings.CONTEXT_TOKENS - sum(map(tokens, [*system, *open_turns, *notes]))
    past, left_out = _past(run, room)
    if left_out:
        system.append(Turn(role="system", content=LEFT_OUT))
    return Context(
        turns=[*system, *past, *open_turns],
        notes=notes,
        begun=own.text,
        decisions=Decisions(asked=own.asked, approved=own.approved),
        left_out=left_out,
    )


def tokens(turn: Turn) -> int:
    """Estimate what a turn takes of a model's window."""
    size = len(turn.content) + sum(len(call.name) + len(call.arguments) for call in turn.calls)
    return size // CHARACTERS_PER_TOKEN + 4


def said(run: Run) -> str:
    """Return what the finished rounds of a run have said."""
    return _steps([run.id]).get(run.id, Steps()).text


def _past(run: Run, room: int) -> tuple[list[Turn], bool]:
    """Return the turns of the path to a run's message that have room; whether some had not.

    The newest message is always there. The oldest one that is shown is a person's.
    """
    walk = tree.upwards(run.message_id)
    found: list[list[Turn]] = []  # a message's turns each, the newest first
    left_out = False
    while not left_out and (page := list(islice(walk, PAGE))):
        timeline.reword(page, run.thread)
        answering = [message.run_id for message in page if message.run_id]
        with_steps = Run.objects.filter(id__in=answering, has_steps=True).exclude(id=run.id)
        steps = _steps(list(with_steps.values_list("id", flat=True)))
        for each in steps.values():
            each.close("It has no result.")
        for message in page:
            turns = _turns(message, steps)
            room -= sum(map(tokens, turns))
            if found and room < 0:
                left_out = True
                break
            found.append(turns)
    if left_out:
        while len(found) > 1 and not (found[-1] and found[-1][0].role == "user"):
            found.pop()
    return [turn for turns in reversed(found) for turn in turns], left_out


def _turns(message: Message, steps: dict[UUID, Steps]) -> list[Turn]:
    if message.taken_by:
        return []  # it stands among the steps of the run that took it
    if message.role == Message.Role.USER:
        return [Turn(role="user", content=message.content)]
    done = steps.get(message.run_id) if message.run_id else None
    before = done.turns() if done else []
    if message.edited_at or not done:
        content = message.content
    else:
        content = message.content.removeprefix(done.text).lstrip("\n")
    return [*before, Turn(role="assistant", content=content)] if content else before


def _steps(runs: Collection[UUID]) -> dict[UUID, Steps]:
    """Read the steps of runs; of those that have ended, each call without a result has failed."""
    found: dict[UUID, Steps] = {}
    for entry in read_correlated(runs, kinds=KINDS) if runs else ():
        if entry.correlation_id is not None:
            found.setdefault(entry.correlation_id, Steps()).take(entry)
    return found


def _close_unknown(steps: Steps, tools: Registry) -> None:
    """Give calls that were under way a result: unknown, unless they may be made again."""
    for call in steps.calls:
        tool = tools.get(call.name)
        unknown = call.id in steps.started and call.id not in steps.waiting
        if unknown and not (tool and tool.idempotent):
            steps.results.setdefault(call.id, failure_text(UNKNOWN_OUTCOME))
