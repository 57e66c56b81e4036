"""The one entrance: a verb for each change of a conversation. First stop of the main road.

Adapters (pages, sockets, REST, the admin, bots) parse, call one of these, and render.
"""

from chat.gateway.content import Content
from chat.gateway.decisions import answer, decide, expire, resume, supersede
from chat.gateway.deletion import delete
from chat.gateway.imports import import_thread
from chat.gateway.messages import Place, Receipt, delivered, edit, pin, receive, steer
from chat.gateway.runs import answer_late, retry, stop
from chat.gateway.threads import (
    archive,
    change_agent,
    fork,
    move_head,
    rename,
    restore,
    start,
)
from chat.gateway.topics import publish

__all__ = [
    "Content",
    "Place",
    "Receipt",
    "answer",
    "answer_late",
    "archive",
    "change_agent",
    "decide",
    "delete",
    "delivered",
    "edit",
    "expire",
    "fork",
    "import_thread",
    "move_head",
    "pin",
    "publish",
    "receive",
    "rename",
    "restore",
    "resume",
    "retry",
    "start",
    "steer",
    "stop",
    "supersede",
]
