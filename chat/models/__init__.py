"""All rows of conversations."""

from chat.models.attachments import Attachment
from chat.models.hooks import Delivery, Hook, Received, Webhook
from chat.models.people import ApiKey, SignInLink, User, all_scopes
from chat.models.threads import (
    Lease,
    Message,
    Pin,
    Remembered,
    Run,
    Snapshot,
    Summary,
    Thread,
)

__all__ = [
    "ApiKey",
    "Attachment",
    "Delivery",
    "Hook",
    "Lease",
    "Message",
    "Pin",
    "Received",
    "Remembered",
    "Run",
    "SignInLink",
    "Snapshot",
    "Summary",
    "Thread",
    "User",
    "Webhook",
    "all_scopes",
]
