"""Talking to a thread in tests, the way adapters and workers do."""

from typing import Any

from chat import gateway, tasks
from chat.models import Run, Thread
from tracer.log import read


def say(thread: Thread, content: str | gateway.Content, **options: Any) -> gateway.Receipt:
    """Say something in a thread."""
    return gateway.receive(
        thread=thread, content=content, channel="web", sender="user:1", **options
    )


def work(thread: Thread) -> None:
    """Do what a worker does for a thread."""
    tasks.run_turn(thread_id=str(thread.id))


def ask(thread: Thread, content: str | gateway.Content, **options: Any) -> Run:
    """Say something and have it answered; return the run."""
    receipt = say(thread, content, **options)
    work(thread)
    return Run.objects.get(id=receipt.run)


def kinds(thread: Thread) -> list[str]:
    """Return the kinds of a thread's events, in order."""
    return [entry.kind for entry in read(thread.stream)]
