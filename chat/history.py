"""A thread the way a page shows it: the last messages of its path, with what the agent did."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from agents.events import (
    FileSent,
    LLMCalled,
    LLMResponded,
    NoticeTold,
    PlanUpdated,
    QuestionAsked,
    SkillLoaded,
    ToolApprovalRequested,
    ToolCalled,
    ToolFailed,
    ToolReturned,
)
from agents.messages import Task
from agents.tools.execution import result_text
from chat import rendering, timeline, tree
from chat.events import ACTIVE, ContextCompacted, MessageAdded
from chat.models import Message, Run, Thread
from chat.timeline import Moment
from tracer.events import Event, Recorded
from tracer.log import read_correlated

KINDS = tuple(
    kind.kind
    for kind in (
        ContextCompacted,
        FileSent,
        LLMCalled,
        LLMResponded,
        MessageAdded,
        NoticeTold,
        PlanUpdated,
        QuestionAsked,
        SkillLoaded,
        ToolApprovalRequested,
        ToolCalled,
        ToolFailed,
        ToolReturned,
    )
)


OUTCOMES = {
    "running": "running…",
    "approval": "needs your leave",
    "question": "asks you",
    "said": "meanwhile",
    "thought": "",
    "summary": "for the model",
    "cut": "",
    "told": "tells you",
    "plan": "",
    "skill": "as you asked",
}
MARKS = {"pending": "☐", "in_progress": "▶", "completed": "☑"}
LEFT_OUT = "The model is not shown the oldest messages: there is no room for them."


@dataclass(slots=True)
class Step:
    """What happened before an answer was there: a tool's call, or what the person said meanwhile.

    `state` is "running", "done", "failed", "approval" or "question" (it waits for the person),
    "said", "thought", "summary" (of earlier messages), "cut" (they had no room), "told" (to the
    person), "plan", or "skill" (that the person has named).
    """

    call: str
    name: str
    arguments: str
    state: str = "running"
    result: str = ""
    html: str = ""

    @property
    def opened(self) -> bool:
        """Whether it is shown unfolded: it is said to people."""
        return self.state in {"said", "question", "told", "plan"}

    @property
    def outcome(self) -> str:
        """The state, for people."""
        return OUTCOMES.get(self.state, self.state)


@dataclass(slots=True)
class Entry:
    """A message, or an answer that is on its way or has failed."""

    role: str
    agent: str
    message_id: UUID
    html: str = ""
    run: Run | None = None
    steps: list[Step] = field(default_factory=list)
    content: str = ""
    place: int = 1
    siblings: list[UUID] = field(default_factory=list)
    pinned: bool = False

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

    @property
    def earlier(self) -> UUID | None:
        """The sibling before it."""
        return self.siblings[self.place - 2] if self.place > 1 else None

    @property
    def later(self) -> UUID | None:
        """The sibling behind it."""
        return self.siblings[self.place] if self.place < len(self.siblings) else None


@dataclass(frozen=True, slots=True)
class History:
    """What a page shows, and the seq that it stands for. `older`: what comes before it."""

    entries: list[Entry]
    last_seq: int
    older: UUID | None

    @property
    def running(self) -> bool:
        """Whether an answer is on its way."""
        return any(entry.state in ACTIVE for entry in self.entries)

    @property
    def takes_steering(self) -> bool:
        """Whether an answer is under way that something can be said to."""
        states = {entry.state for entry in self.entries}
        return bool(states & {Run.State.QUEUED, Run.State.RUNNING})


# What the page's script copies for what comes after the page.
BLANK_STEP = Step(call="", name="", arguments="")
BLANK_ENTRY = Entry(role=Message.Role.ASSISTANT, agent="", message_id=UUID(int=0))


def of(thread: Thread, *, before: UUID | None = None) -> History:
    """Return the end of a thread's history. A client reads on from its `last_seq`.

    Args:
        thread: The thread.
        before: The message that a page begins with; the page before it is returned.
    """
    return _shown(timeline.now(thread), before=before)


def at(thread: Thread, seq: int, *, before: UUID | None = None) -> History:
    """Return the end of a thread's history as it stood at one of its events.

    Raises:
        NoSuchMoment: It has no such event.
    """
    return _shown(timeline.at(thread, seq), before=before)


def _shown(moment: Moment, *, before: UUID | None) -> History:
    path = timeline.path(moment, before=before)
    asked = [message.id for message in path if message.role == Message.Role.USER]
    runs = _runs_of(moment, path, asked)
    timeline.restate(runs, moment)
    steps = _steps(list(runs), until=moment)
    taken = {step.call for each in steps.values() for step in each}
    family = tree.siblings(moment.thread, path)
    answered = {message.id for message in path}
    entries: list[Entry] = []
    for message in path:
        if str(message.id) not in taken:
            entries.append(_entry(message, runs, steps=steps, family=family))
        if message.role == Message.Role.USER:
            entries += _open_answers(message, runs, steps=steps, shown=answered)
    pins = tree.pins_of(moment.thread, until=moment.seq)
    for entry in entries:
        entry.pinned = entry.message_id in pins
    older = path[0].id if path and path[0].parent_id else None
    return History(entries, moment.seq, older)


def _runs_of(moment: Moment, path: Sequence[Message], asked: list[UUID]) -> dict[UUID, Run]:
    """Return the runs that gave the answers of a path, or are to, by id and in order."""
    ids = [message.run_id for message in path if message.role == Message.Role.ASSISTANT]
    found = Run.objects.filter(id__in=[each for each in ids if each])
    waiting = Run.objects.filter(message_id__in=asked)
    runs = (found | waiting).distinct().order_by("queued_at", "seq")
    return {run.id: run for run in runs if run.id in ids or _is_past(run, moment)}


def _is_past(run: Run, moment: Moment) -> bool:
    return run.thread_id == moment.thread.id and run.seq <= moment.seq


def _entry(
    message: Message,
    runs: dict[UUID, Run],
    *,
    steps: dict[UUID, list[Step]],
    family: dict[UUID, list[UUID]],
) -> Entry:
    siblings = family.get(message.id, [])
    entry = Entry(
        role=message.role,
        agent=message.agent,
        message_id=message.id,
        html=rendering.by_role(message.role, message.content, message.attached),
        content=message.content,
        siblings=siblings,
        place=siblings.index(message.id) + 1 if siblings else 1,
    )
    if message.role == Message.Role.ASSISTANT and message.run_id in runs:
        entry.run = runs[message.run_id]
        entry.steps = steps.get(message.run_id, [])
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


def _steps(runs: Collection[UUID], *, until: Moment) -> dict[UUID, list[Step]]:
    found: dict[UUID, _Steps] = {}
    own = until.thread.stream
    for entry in read_correlated(runs, kinds=KINDS):
        past = entry.stream != own or entry.seq <= until.seq
        if past and entry.correlation_id is not None:
            found.setdefault(entry.correlation_id, _Steps()).take(entry)
    return {run: list(steps.shown.values()) for run, steps in found.items()}


@dataclass(slots=True)
class _Steps:
    shown: dict[str, Step] = field(default_factory=dict)
    said: dict[UUID, str] = field(default_factory=dict)

    def take(self, entry: Recorded) -> None:
        match entry.event:
            case MessageAdded(role="user") as event:
                self.said[event.message] = event.content
            case LLMResponded(thinking=thinking) if thinking:
                self._add(f"thought:{entry.seq}", "Thinking", state="thought", result=thinking)
            case LLMCalled() as event:
                self._take_question(event, entry.seq)
            case ToolApprovalRequested(call=call) as event:
                self.shown[call] = _step(event, state="approval")
            case ToolCalled(call=call) as event:
                self.shown[call] = _step(event, state="running")
            case _:
                self._take_told(entry)
                self._take_end(entry.event)

    def _take_told(self, entry: Recorded) -> None:
        """Take what people are told while the agent works."""
        match entry.event:
            case ContextCompacted(messages=count, summary=text):
                name = f"Summary of {count} earlier messages"
                self._add(f"summary:{entry.seq}", name, state="summary", result=text)
            case SkillLoaded(skill=name, content=text) if text:
                self._add(f"skill:{entry.seq}", f"Skill {name}", state="skill", result=text)
            case NoticeTold(content=text):
                self._add(f"told:{entry.seq}", "Notice", state="told", result=text)
            case FileSent(file=file, caption=text):
                self._add(f"file:{entry.seq}", "File", state="told", result=text)
                self.shown[f"file:{entry.seq}"].html = rendering.files([file])
            case PlanUpdated(tasks=tasks) as event:
                self._add(f"plan:{event.run}", "Plan", state="plan", result=plan_text(tasks))
            case _:
                pass

    def _take_question(self, event: LLMCalled, seq: int) -> None:
        if event.left_out and event.round == 1:
            self._add(f"cut:{seq}", "Cut", state="cut", result=LEFT_OUT)
        for each in event.steered:
            self._add(str(each), "You", state="said", result=self.said[each])

    def _add(self, call: str, name: str, *, state: str, result: str) -> None:
        self.shown[call] = Step(call, name, "", state=state, result=result)

    def _take_end(self, event: Event) -> None:
        match event:
            case QuestionAsked(question=call, content=content):
                self._set(call, "question", content)
            case ToolReturned(call=call, result=result):
                self._set(call, "done", result_text(result))
            case ToolFailed(call=call, error=error):
                self._set(call, "failed", error)
            case _:
                pass

    def _set(self, call: str, state: str, result: str) -> None:
        if step := self.shown.get(call):
            step.state, step.result = state, result


def plan_text(tasks: Iterable[Task]) -> str:
    """Write a list of tasks for people, one a line."""
    lines = [f"{MARKS[task.status]} {task.id}. {task.description}" for task in tasks]
    return "\n".join(lines) or "No tasks."


def _step(event: ToolCalled | ToolApprovalRequested, *, state: str) -> Step:
    arguments = json.dumps(event.arguments, ensure_ascii=False)
    return Step(call=event.call, name=event.name, arguments=arguments, state=state)
