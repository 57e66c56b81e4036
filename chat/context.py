"""From the stream to what a model sees: the path to a message, with the tools' results."""

from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from agents.events import LLMResponded, ToolCalled, ToolFailed, ToolReturned
from agents.messages import Turn
from agents.models import Agent
from agents.tools.execution import failure_text, result_text
from agents.tools.registry import Registry
from chat import selectors
from chat.models import Message, Run
from tracer.log import read

CRASH_NOTE = (
    "While you were working on this, the process that ran you broke down. What your tools had "
    "returned by then stands above. The way you took may be what broke it: take another one."
)
UNKNOWN_OUTCOME = (
    "The process broke down while this tool was at work. Nobody knows whether it took effect: "
    "check before you call it again."
)


@dataclass(slots=True)
class Steps:
    """What one run has done so far: the model's rounds that called tools, and the results."""

    rounds: list[LLMResponded] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)

    def turns(self) -> list[Turn]:
        """Return the rounds as a model sees them."""
        found: list[Turn] = []
        for said in self.rounds:
            found.append(Turn(role="assistant", content=said.content, calls=said.calls))
            found += [
                Turn(role="tool", call_id=call.id, content=self.results[call.id])
                for call in said.calls
                if call.id in self.results
            ]
        return found

    @property
    def text(self) -> str:
        """What was said in these rounds, as it stands in the answer."""
        return "\n\n".join(said.content for said in self.rounds if said.content)


def build(run: Run, agent: Agent, tools: Registry) -> tuple[list[Turn], str]:
    """Fold a thread into the conversation that a run's model sees.

    Args:
        run: The run; after a crash its finished steps are taken from the stream.
        agent: Who answers.
        tools: The agent's tools; they say what may be called again after a crash.

    Returns:
        The turns, and the text that the answer already has.
    """
    messages = selectors.path(run.thread, run.message_id)
    runs = {message.run_id for message in messages if message.run_id} | {run.id}
    steps = _steps(run, runs)
    turns = [Turn(role="system", content=agent.system_prompt)] if agent.system_prompt else []
    for message in messages:
        turns += _turns(message, steps)
    begun = steps.get(run.id)
    if run.attempt > 0:
        if begun is not None:
            _close_unknown(begun, tools)
            turns += begun.turns()
        if begun is None or not _has_open_calls(begun):
            turns.append(Turn(role="system", content=CRASH_NOTE))
    return turns, begun.text if begun else ""


def _turns(message: Message, steps: dict[UUID, Steps]) -> list[Turn]:
    if message.role == Message.Role.USER:
        return [Turn(role="user", content=message.content)]
    done = steps.get(message.run_id) if message.run_id else None
    before = done.turns() if done else []
    if message.edited_at or not done:
        content = message.content
    else:
        content = message.content.removeprefix(done.text).lstrip("\n")
    return [*before, Turn(role="assistant", content=content)] if content else before


def _steps(run: Run, runs: set[UUID]) -> dict[UUID, Steps]:
    """Read the steps of the runs on the path; each call without a result counts as stopped."""
    found: defaultdict[UUID, Steps] = defaultdict(Steps)
    kinds = [kind.kind for kind in (LLMResponded, ToolCalled, ToolReturned, ToolFailed)]
    for entry in read(run.thread.stream, kinds=kinds):
        event = entry.event
        match event:
            case LLMResponded() if event.run in runs and event.calls:
                found[event.run].rounds.append(event)
            case ToolCalled() if event.run in runs:
                found[event.run].started.add(event.call)
            case ToolReturned() if event.run in runs:
                found[event.run].results[event.call] = result_text(event.result)
            case ToolFailed() if event.run in runs:
                found[event.run].results[event.call] = failure_text(event.error)
            case _:
                pass
    for identity, steps in found.items():
        if identity != run.id:
            _close_all(steps)
    return dict(found)


def _close_all(steps: Steps) -> None:
    for said in steps.rounds:
        for call in said.calls:
            steps.results.setdefault(call.id, failure_text("It has no result."))


def _close_unknown(steps: Steps, tools: Registry) -> None:
    """Give calls that were under way a result: unknown, unless they may be made again."""
    for said in steps.rounds:
        for call in said.calls:
            tool = tools.get(call.name)
            if call.id in steps.started and not (tool and tool.idempotent):
                steps.results.setdefault(call.id, failure_text(UNKNOWN_OUTCOME))


def _has_open_calls(steps: Steps) -> bool:
    return any(call.id not in steps.results for said in steps.rounds for call in said.calls)
