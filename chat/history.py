"""A thread the way a page shows it: the messages of its path, with what the agent did."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from agents.events import ToolCalled, ToolFailed, ToolReturned
from agents.tools.execution import result_text
from chat import rendering, selectors
from chat.events import ACTIVE
from chat.models import Message, Run, Thread
from tracer.log import last_seq, read


@dataclass(slots=True)
class Step:
    """A tool's call. `state` is "running", "done" or "failed"."""

    call: str
    name: str
    arguments: str
    state: str = "running"
    result: str = ""


@dataclass(slots=True)
class Entry:
    """A message, or an answer that is on its way or has failed."""

    role: str
    agent: str
    message_id: UUID
    html: str = ""
    run: Run | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The state of its run, such as "queued", "running" or "failed"."""
        return self.run.state if self.run else ""

    @property
    def note(self) -> str:
        """Why it is not a whole answer, for people."""
        if self.run and self.run.error:
            return str(self.run.error["detail"])
        return "Stopped." if self.state == Run.State.CANCELLED else ""


@dataclass(frozen=True, slots=True)
class History:
    """What a page shows, and the seq that it stands for."""

    entries: list[Entry]
    last_seq: int

    @property
    def running(self) -> bool:
        """Whether an answer is on its way."""
        return any(entry.state in ACTIVE for entry in self.entries)


# What the page's script copies for what comes after the page.
BLANK_STEP = Step(call="", name="", arguments="")
BLANK_ENTRY = Entry(role=Message.Role.ASSISTANT, agent="", message_id=UUID(int=0))


def of(thread: Thread) -> History:
    """Return a thread's history up to now. A client reads on from its `last_seq`."""
    seq = last_seq(thread.stream)
    runs = {run.id: run for run in Run.objects.filter(thread=thread).order_by("seq")}
    steps = _steps(thread.stream)
    entries: list[Entry] = []
    path = selectors.path(thread, thread.head)
    answered = {message.id for message in path}
    for message in path:
        run = runs.get(message.run_id) if message.run_id else None
        entries.append(_entry(message, run, steps))
        if message.role == Message.Role.USER:
            entries += _open_answers(message, runs, steps=steps, shown=answered)
    return History(entries, seq)


def _entry(message: Message, run: Run | None, steps: dict[UUID, list[Step]]) -> Entry:
    entry = Entry(
        role=message.role,
        agent=message.agent,
        message_id=message.id,
        html=rendering.by_role(message.role, message.content),
    )
    if run is not None and message.role == Message.Role.ASSISTANT:
        entry.run = run
        entry.steps = steps.get(run.id, [])
    return entry


def _open_answers(
    message: Message, runs: dict[UUID, Run], *, steps: dict[UUID, list[Step]], shown: set[UUID]
) -> list[Entry]:
    """Return the last answer to a message, if it is on its way or never came."""
    last = [run for run in runs.values() if run.message_id == message.id][-1:]
    return [
        Entry(
            role=Message.Role.ASSISTANT,
            agent=run.agent,
            message_id=run.answer_id,
            run=run,
            steps=steps.get(run.id, []),
        )
        for run in last
        if run.answer_id not in shown and run.state != Run.State.COMPLETED
    ]


def _steps(stream: str) -> dict[UUID, list[Step]]:
    found: defaultdict[UUID, dict[str, Step]] = defaultdict(dict)
    for entry in read(stream, kinds=[ToolCalled.kind, ToolReturned.kind, ToolFailed.kind]):
        match entry.event:
            case ToolCalled(run=run, call=call) as event:
                arguments = json.dumps(event.arguments, ensure_ascii=False)
                found[run][call] = Step(call=call, name=event.name, arguments=arguments)
            case ToolReturned(run=run, call=call) as event if call in found[run]:
                found[run][call].state = "done"
                found[run][call].result = result_text(event.result)
            case ToolFailed(run=run, call=call) as event if call in found[run]:
                found[run][call].state = "failed"
                found[run][call].result = event.error
            case _:
                pass
    return {run: list(steps.values()) for run, steps in found.items()}
