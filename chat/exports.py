"""Threads as files: JSON that can be imported again, Markdown to read."""

from uuid import UUID

from django.http import HttpResponse
from django.utils.text import slugify

from agents.events import LLMResponded
from agents.messages import Usage
from chat import tree
from chat.files import STEP_KINDS, MessageEntry, StepEntry, ThreadFile, dump
from chat.models import Message, Run, Thread
from tracer.log import read_correlated

LEFT_OUT = {"run", "signed"}  # the file gives each answer's steps; a signature is no one else's
RUNS_AT_ONCE = 200


def exported(thread: Thread, form: str) -> HttpResponse:
    """Return a thread as a file to keep.

    Args:
        thread: The thread.
        form: "json" or "markdown".
    """
    if form == "markdown":
        response = HttpResponse(as_markdown(thread), content_type="text/markdown; charset=utf-8")
    else:
        response = HttpResponse(dump([as_file(thread)]), content_type="application/json")
    ending = "md" if form == "markdown" else "json"
    response["Content-Disposition"] = f'attachment; filename="{_name(thread)}.{ending}"'
    return response


def _name(thread: Thread) -> str:
    return slugify(thread.title)[:60] or f"thread-{thread.id}"


def as_file(thread: Thread) -> ThreadFile:
    """Return a thread's whole tree, with what it has taken along from where it was forked."""
    messages = list(tree.messages_of(thread).order_by("created_at", "thread_id", "seq"))
    held = {message.id for message in messages}
    runs = Run.objects.filter(tree.within(tree.past_of(thread)))
    asked = dict(runs.values_list("answer_id", "message_id"))
    usages = dict(runs.values_list("id", "usage"))
    pins, steps = tree.pins_of(thread), _steps([m.run_id for m in messages if m.run_id])

    def parent(message: Message) -> str | None:
        place = message.parent_id
        while place is not None and place not in held:
            place = asked.get(place)  # an answer that never came: the message that it was for
        return str(place) if place else None

    entries = [
        MessageEntry.model_validate(
            {
                "id": str(message.id),
                "parent": parent(message),
                "role": message.role,
                "content": message.content,
                "agent": message.agent,
                "created_at": message.created_at,
                "finish": message.finish,
                "pinned": message.id in pins,
                "usage": _usage(message, usages),
                "steps": steps.get(message.run_id, []) if message.role == "assistant" else [],
            }
        )
        for message in messages
    ]
    return ThreadFile(
        title=thread.title,
        agent=thread.agent,
        started_at=thread.started_at,
        head=str(thread.head) if thread.head in held else None,
        messages=_parents_first(entries),
    )


def as_markdown(thread: Thread) -> str:
    """Return the conversation that a thread shows now, to read."""
    said = reversed(list(tree.upwards(thread.head)))
    parts = [f"# {thread.title or 'Thread'}"]
    for message in said:
        who = "You" if message.role == Message.Role.USER else message.agent
        parts.append(f"## {who} · {message.created_at:%Y-%m-%d %H:%M} UTC\n\n{message.content}")
    return "\n\n".join(parts) + "\n"


def _steps(runs: list[UUID]) -> dict[UUID | None, list[StepEntry]]:
    found: dict[UUID | None, list[StepEntry]] = {}
    for begin in range(0, len(runs), RUNS_AT_ONCE):
        for entry in read_correlated(runs[begin : begin + RUNS_AT_ONCE], kinds=STEP_KINDS):
            if isinstance(entry.event, LLMResponded) and not entry.event.calls:
                continue  # its words are the message
            payload = entry.event.payload()
            data = {name: value for name, value in payload.items() if name not in LEFT_OUT}
            step = StepEntry(kind=entry.kind, data=data, duration_ms=entry.duration_ms)
            found.setdefault(entry.correlation_id, []).append(step)
    return found


def _parents_first(entries: list[MessageEntry]) -> list[MessageEntry]:
    """Put each message behind its parent; they are nearly so."""
    ordered: dict[str, MessageEntry] = {}
    waiting = entries
    while waiting:
        late: list[MessageEntry] = []
        for entry in waiting:
            if entry.parent is None or entry.parent in ordered:
                ordered[entry.id] = entry
            else:
                late.append(entry)
        if len(late) == len(waiting):
            break  # (a circle: there is none)
        waiting = late
    return list(ordered.values())


def _usage(message: Message, usages: dict[UUID, dict[str, object] | None]) -> Usage | None:
    if message.role != Message.Role.ASSISTANT or message.run_id is None:
        return None
    held = usages.get(message.run_id)
    return Usage.model_validate(held) if held else None
