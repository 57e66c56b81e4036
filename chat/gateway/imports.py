"""Taking in threads that were written down elsewhere: as events, as if they had happened here."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import transaction

from agents import selectors as agents
from agents.errors import NoSuchAgent
from agents.text import clean
from chat.errors import BadImport
from chat.events import (
    MessageAdded,
    MessagePinned,
    Problem,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunQueued,
    RunStarted,
    ThreadHeadMoved,
    ThreadStarted,
    stream_of,
)
from chat.files import MessageEntry, ThreadFile
from chat.gateway.door import verb
from chat.gateway.messages import MAX_PINS
from chat.gateway.threads import MAX_TITLE
from chat.models import Thread, User
from tracer.events import Event
from tracer.log import append

CHANNEL = "import"
MOST_EVENTS = 100_000
NOT_WHOLE = Problem(code="imported", detail="It had failed where it comes from.", retryable=True)


class Fact(NamedTuple):
    """An event, the run that it belongs to, and how long it took."""

    event: Event
    run: UUID | None = None
    duration_ms: int | None = None


@verb
def import_thread(file: ThreadFile, *, owner: User, actor: str) -> Thread:
    """Make a thread of a file: the same tree, with the same steps, under new ids.

    Args:
        file: What was read.
        owner: Whose it will be.
        actor: Who does it.

    Raises:
        BadImport: A step in it can't be read, or it has too much of everything.
        NoSuchAgent: There is no active agent to go on with.
    """
    file.check()
    thread = uuid4()
    told = list(islice(_Told(file, thread, owner=owner, actor=actor).events(), MOST_EVENTS + 1))
    if len(told) > MOST_EVENTS:
        msg = f"The thread has more than {MOST_EVENTS:,} events."
        raise BadImport(msg)
    with transaction.atomic():
        append(
            stream_of(thread),
            *(each.event for each in told),
            actor=actor,
            correlation_id=[each.run for each in told],
            durations_ms=[each.duration_ms for each in told],
        )
    return Thread.objects.get(id=thread)


class _Told:
    """A file, told as events."""

    def __init__(self, file: ThreadFile, thread: UUID, *, owner: User, actor: str) -> None:
        self._file = file
        self._thread = thread
        self._owner = owner
        self._actor = actor
        self._ids = {message.id: uuid4() for message in file.messages}
        self._roles = {message.id: message.role for message in file.messages}
        self._agent = _agent(file.agent)
        self._runs: dict[str, UUID] = {}  # by answer
        self._asked: dict[str, UUID] = {}  # by message: the first run that answers it
        for message in file.messages:
            if message.role == "assistant" and self._roles.get(message.parent or "") == "user":
                run = self._runs[message.id] = uuid4()
                self._asked.setdefault(message.parent or "", run)

    def events(self) -> Iterator[Fact]:
        file, thread = self._file, self._thread
        title = " ".join(clean(file.title).split())[:MAX_TITLE]
        begun = ThreadStarted(thread=thread, owner=self._owner.pk, agent=self._agent, title=title)
        yield Fact(begun)
        for message in file.messages:
            if message.id in self._runs:
                yield from self._answered(message, self._runs[message.id])
            else:
                yield Fact(self._said(message), self._asked.get(message.id))
        pinned = [message for message in file.messages if message.pinned]
        for message in pinned[:MAX_PINS]:
            yield Fact(MessagePinned(thread=thread, message=self._ids[message.id]))
        if file.head is not None and file.head != file.messages[-1].id:
            yield Fact(ThreadHeadMoved(thread=thread, head=self._ids[file.head]))

    def _said(self, message: MessageEntry) -> MessageAdded:
        mine = message.role == "user"
        agent = message.agent or self._agent
        return MessageAdded(
            thread=self._thread,
            message=self._ids[message.id],
            role=message.role,
            content=message.content,
            agent=agent,
            parent=self._ids[message.parent] if message.parent else None,
            run=self._asked.get(message.id) if mine else self._runs.get(message.id),
            channel=CHANNEL,
            sender=self._actor if mine else f"agent:{agent}",
            finish=message.finish,
            said_at=message.created_at,
        )

    def _answered(self, message: MessageEntry, run: UUID) -> Iterator[Fact]:
        """Tell of a run: that it was queued, what it did, what it said, and that it has ended."""
        agent, answer = message.agent or self._agent, self._ids[message.id]
        question = self._ids[message.parent or ""]
        queued = RunQueued(
            run=run, agent=agent, thread=self._thread, message=question, answer=answer
        )
        yield Fact(queued, run)
        yield Fact(RunStarted(run=run, agent=agent, attempt=1, answer=answer), run)
        for step in message.steps:
            yield Fact(step.event(run), run, step.duration_ms)
        yield Fact(self._said(message), run)
        common = {"run": run, "agent": agent, "message": answer, "usage": message.usage}
        match message.finish:
            case "complete":
                yield Fact(RunCompleted.model_validate(common), run)
            case "stopped":
                yield Fact(RunCancelled.model_validate(common), run)
            case "failed":
                yield Fact(RunFailed.model_validate(common | {"error": NOT_WHOLE}), run)


def _agent(slug: str) -> str:
    """Return who goes on with the thread: the file's agent, if it is here, or the default."""
    try:
        return agents.active_slug(slug)
    except NoSuchAgent:
        return agents.default_agent().slug
