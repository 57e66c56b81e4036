"""The one entrance: a verb for each change of a conversation. First stop of the main road.

Adapters (pages, sockets, REST, the admin, bots) parse, call one of these, and render.
"""

from chat.gateway.messages import Receipt, edit, receive
from chat.gateway.runs import retry, stop
from chat.gateway.threads import archive, change_agent, rename, restore, start

__all__ = [
    "Receipt",
    "archive",
    "change_agent",
    "edit",
    "receive",
    "rename",
    "restore",
    "retry",
    "start",
    "stop",
]
