"""`/runs/{id}`: look at one, stop it, try again, decide what it waits for."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status

from chat import gateway, pending, selectors
from chat.api.access import CHAT, actor, caller
from chat.models import Run

router = Router(tags=["runs"])


class WaitsForOut(Schema):
    """A call that waits for a person: for a decision, or for an answer to its question."""

    kind: Literal["approval", "question"]
    call: str
    name: str
    content: str


class RunOut(Schema):
    """One answering of a message, as it stands."""

    id: UUID
    thread: UUID
    message: UUID
    answer: UUID
    agent: str
    state: str
    attempt: int
    error: dict[str, Any] | None
    usage: dict[str, Any] | None
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    waiting_until: datetime | None
    waits_for: list[WaitsForOut]


class NewRunOut(Schema):
    """The run that was queued."""

    run: UUID


class DecisionIn(Schema):
    """Whether a call may be made; `remember`: and all later ones of its tool in this thread."""

    decision: Literal["allow", "deny"]
    remember: bool = False


class AnswerIn(Schema):
    """The answer to a question."""

    content: str


@router.get("/runs/{uuid:run_id}", response=RunOut)
def get_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """One of your runs."""
    return _shown(selectors.run_for(caller(request), run_id))


@router.post("/runs/{uuid:run_id}/cancel", response={202: RunOut}, auth=CHAT)
def cancel_run(request: HttpRequest, run_id: UUID) -> Status[dict[str, Any]]:
    """Stop a run. What it has said is kept."""
    run = selectors.run_for(caller(request), run_id)
    gateway.stop(run.thread, actor=actor(request), run=run.id)
    run.refresh_from_db()
    return Status(202, _shown(run))


@router.post("/runs/{uuid:run_id}/retry", response={202: NewRunOut}, auth=CHAT)
def retry_run(request: HttpRequest, run_id: UUID) -> Status[dict[str, UUID]]:
    """Have the message of a run answered once more."""
    run = selectors.run_for(caller(request), run_id)
    again = gateway.retry(run.thread, actor=actor(request), message=run.message_id)
    return Status(202, {"run": again})


@router.post("/runs/{uuid:run_id}/approvals/{call}", response={202: RunOut}, auth=CHAT)
def decide_call(
    request: HttpRequest, run_id: UUID, call: str, *, payload: DecisionIn
) -> Status[dict[str, Any]]:
    """Allow or refuse a call that waits. The first decision counts."""
    run = selectors.run_for(caller(request), run_id)
    allow = payload.decision == "allow"
    gateway.decide(
        run.thread, call=call, allow=allow, remember=payload.remember, actor=actor(request)
    )
    run.refresh_from_db()
    return Status(202, _shown(run))


@router.post("/runs/{uuid:run_id}/answers/{question}", response={202: RunOut}, auth=CHAT)
def answer_question(
    request: HttpRequest, run_id: UUID, question: str, *, payload: AnswerIn
) -> Status[dict[str, Any]]:
    """Answer a question that waits. The first answer counts."""
    run = selectors.run_for(caller(request), run_id)
    gateway.answer(run.thread, question=question, content=payload.content, actor=actor(request))
    run.refresh_from_db()
    return Status(202, _shown(run))


def _shown(run: Run) -> dict[str, Any]:
    fields = ("id", "agent", "state", "attempt", "error", "usage", "waiting_until")
    times = ("queued_at", "started_at", "finished_at")
    waits = run.state in {Run.State.RUNNING, Run.State.WAITING}
    return {name: getattr(run, name) for name in (*fields, *times)} | {
        "thread": run.thread_id,
        "message": run.message_id,
        "answer": run.answer_id,
        "waits_for": list(pending.of(run).values()) if waits else [],
    }
