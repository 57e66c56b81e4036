"""Verbs for what a run waits for: approvals and questions."""

from django.db import transaction

from agents.events import (
    QuestionAnswered,
    ToolApproved,
    ToolDenied,
    ToolFailed,
    ToolReturned,
)
from chat import pending, selectors
from chat.errors import NothingToAnswer, NothingToApprove
from chat.events import RunResumed
from chat.gateway.content import check_content
from chat.gateway.door import verb
from chat.models import Run, Thread
from chat.pending import Pending
from tracer.events import Event
from tracer.log import append, lock

DENIED = "The person does not allow this call. Go on without it, or ask what to do instead."
TOO_LATE = "Nobody allowed this call in time, so it was not made."
NO_ANSWER = "Nobody answered in time. Go on as well as you can without the answer."
SUPERSEDED = "The person did not decide but wrote something new, which you get next. Finish here."


@verb
def decide(thread: Thread, *, call: str, allow: bool, actor: str, remember: bool = False) -> None:
    """Allow or refuse a call that waits for it. The first decision counts, whoever makes it.

    Args:
        thread: Where it waits.
        call: Its id.
        allow: Whether it may be made.
        actor: Who decides.
        remember: Whether the tool needs no leave any more in this thread, if it is allowed; its
            other calls that wait are allowed, too.

    Raises:
        NothingToApprove: No such call waits, or it has been decided.
    """
    with transaction.atomic():
        lock(thread.stream)
        run, open_now = _waiting(thread)
        found = open_now.pop(call, None)
        if run is None or found is None or found.kind != "approval":
            raise NothingToApprove
        if allow:
            same = [each for each in open_now.values() if remember and each.name == found.name]
            for each in same:
                del open_now[each.call]
            events = [_allowed(run, each, remember=remember) for each in (found, *same)]
        else:
            events = refuse(run, found, DENIED)
        _settle(run, events, still_open=bool(open_now), actor=actor)


@verb
def answer(thread: Thread, *, question: str, content: str, actor: str) -> None:
    """Answer a question of an agent. The first answer counts.

    Raises:
        EmptyMessage, MessageTooLong, BadCharacters: Nothing is stored.
        NothingToAnswer: No such question waits, or it has been answered.
    """
    check_content(content)
    with transaction.atomic():
        lock(thread.stream)
        run, open_now = _waiting(thread)
        found = open_now.pop(question, None)
        if run is None or found is None or found.kind != "question":
            raise NothingToAnswer
        events: list[Event] = [
            QuestionAnswered(run=run.id, question=question, content=content),
            ToolReturned(run=run.id, call=question, name=found.name, result=content),
        ]
        _settle(run, events, still_open=bool(open_now), actor=actor)


@verb
def expire(thread: Thread) -> None:
    """Close what has waited for a person to its deadline: a call is refused then."""
    with transaction.atomic():
        lock(thread.stream)
        overdue = selectors.waiting_run(thread, overdue=True)
        if overdue is not None:
            close(overdue, approval=TOO_LATE, question=NO_ANSWER, actor="system")


def supersede(thread: Thread, *, actor: str) -> None:
    """Close what a thread waits for, since the person writes something new instead."""
    if waiting := selectors.waiting_run(thread):
        close(waiting, approval=SUPERSEDED, question=SUPERSEDED, actor=actor)


def resume(run: Run) -> None:
    """Have a run go on: all that it waited for is decided."""
    _settle(run, [], still_open=False, actor="system")


def close(run: Run, *, approval: str, question: str, actor: str) -> None:
    """Refuse all that a run waits for, and have it go on."""
    events: list[Event] = []
    for each in pending.of(run).values():
        events += refuse(run, each, approval if each.kind == "approval" else question)
    _settle(run, events, still_open=False, actor=actor)


def refuse(run: Run, found: Pending, reason: str) -> list[Event]:
    """Return the events by which a call is not made, or a question not answered."""
    failed = ToolFailed(run=run.id, call=found.call, name=found.name, error=reason)
    if found.kind == "question":
        return [QuestionAnswered(run=run.id, question=found.call, content=""), failed]
    denied = ToolDenied(
        run=run.id, call=found.call, name=found.name, digest=found.digest, reason=reason
    )
    return [denied, failed]


def _allowed(run: Run, found: Pending, *, remember: bool) -> Event:
    return ToolApproved(
        run=run.id, call=found.call, name=found.name, digest=found.digest, remember=remember
    )


def _waiting(thread: Thread) -> tuple[Run | None, dict[str, Pending]]:
    """Return the run that asks a person for something, and what for. It may still be at work."""
    for run in selectors.active_runs(thread):
        if run.attempt and (found := pending.of(run)):
            return run, found
    return None, {}


def _settle(run: Run, events: list[Event], *, still_open: bool, actor: str) -> None:
    waits = Run.objects.filter(id=run.id, state=Run.State.WAITING).exists()
    if waits and not still_open:
        events = [*events, RunResumed(run=run.id, agent=run.agent)]
    append(run.thread.stream, *events, actor=actor, correlation_id=run.id)
