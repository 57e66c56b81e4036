"""What can be a message's text."""

from django.conf import settings

from agents.text import is_storable
from chat.errors import BadCharacters, EmptyMessage, MessageTooLong


def check_content(content: str) -> None:
    """Refuse what can't be a message.

    Raises:
        EmptyMessage, MessageTooLong: It has no character, or more bytes than the limit.
        BadCharacters: It has characters that no text can have.
    """
    if not content.strip():
        raise EmptyMessage
    if not is_storable(content):
        raise BadCharacters
    size = len(content.encode())
    if size > settings.MESSAGE_MAX_BYTES:
        raise MessageTooLong(size=size, limit=settings.MESSAGE_MAX_BYTES)
