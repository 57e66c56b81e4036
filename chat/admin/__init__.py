"""Conversations in the admin, one row a module. An edit of a thread or a message is an event."""

from chat.admin import api_key, hooks, message, run, thread, user

__all__ = ["api_key", "hooks", "message", "run", "thread", "user"]
