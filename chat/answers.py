"""The message that a run's answer becomes."""

from typing import Literal

from chat.events import MessageAdded
from chat.models import Run


def message(
    run: Run, content: str, *, finish: Literal["complete", "stopped", "failed"]
) -> MessageAdded:
    """Return the event of an answer, whole or not."""
    return MessageAdded(
        thread=run.thread_id,
        message=run.answer_id,
        role="assistant",
        content=content,
        agent=run.agent,
        parent=run.message_id,
        run=run.id,
        channel="agent",
        sender=f"agent:{run.agent}",
        finish=finish,
    )
