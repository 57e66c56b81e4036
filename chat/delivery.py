"""Channels that bring conversations elsewhere: each is told, in the transaction, what people want.

A channel writes down what it has to send, and sends it later, from a process of its own: nothing
is lost where one dies. A channel's app registers itself; this module knows none of them.
"""

from collections.abc import Callable, Sequence
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from agents.events import (
    FileSent,
    NoticeTold,
    QuestionAnswered,
    QuestionAsked,
    ToolApprovalRequested,
    ToolApproved,
    ToolDenied,
)
from chat.events import (
    PREFIX,
    MessageAdded,
    MessageEdited,
    RunCancelled,
    RunFailed,
    ThreadDeleted,
)
from tracer.events import Recorded

TOLD = (
    FileSent,
    MessageAdded,
    MessageEdited,
    NoticeTold,
    QuestionAnswered,
    QuestionAsked,
    RunCancelled,
    RunFailed,
    ThreadDeleted,
    ToolApprovalRequested,
    ToolApproved,
    ToolDenied,
)

Channel = Callable[[UUID, Sequence[Recorded]], None]

_channels: list[Channel] = []

logger = structlog.get_logger(__name__)


def register(channel: Channel) -> None:
    """Have a channel called with a thread and what has happened in it, before that is committed."""
    _channels.append(channel)


def note(recorded: Sequence[Recorded]) -> None:
    """Tell the channels of these events; in their transaction."""
    if not _channels or not recorded[0].stream.startswith(PREFIX):
        return
    told = [entry for entry in recorded if isinstance(entry.event, TOLD)]
    if told:
        thread = UUID(recorded[0].stream.removeprefix(PREFIX))
        for channel in _channels:
            _tell(channel, thread, told)


def _tell(channel: Channel, thread: UUID, told: Sequence[Recorded]) -> None:
    """Tell a channel. A fault of its own does not undo what has happened."""
    try:
        with transaction.atomic():
            channel(thread, told)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("channel_failed", thread=str(thread))
