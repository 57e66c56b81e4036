"""What can be a message: a text, and files."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from agents.text import is_storable
from chat.errors import BadCharacters, EmptyMessage, MessageTooLong


@dataclass(frozen=True, slots=True)
class Content:
    """What is said: a text, and the files that come with it."""

    text: str
    attachments: tuple[UUID, ...] = ()


def check_content(content: str, *, may_be_empty: bool = False) -> None:
    """Refuse what can't be a message.

    Args:
        content: The text.
        may_be_empty: Whether something else comes with it.

    Raises:
        EmptyMessage, MessageTooLong: It has no character, or more bytes than the limit.
        BadCharacters: It has characters that no text can have.
    """
    if not content.strip() and not may_be_empty:
        raise EmptyMessage
    if not is_storable(content):
        raise BadCharacters
    size = len(content.encode())
    if size > settings.MESSAGE_MAX_BYTES:
        raise MessageTooLong(size=size, limit=settings.MESSAGE_MAX_BYTES)
