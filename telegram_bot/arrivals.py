"""Files and voice messages that people send, fetched before their message is handled.

Telegram hands out files of up to 20 MB. What can't be taken is told with its reason; the text
that came with it is taken all the same.
"""

from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from django.conf import settings

from agents.endpoints import broker
from agents.errors import AgentError
from chat import attachments
from chat.errors import BadAttachment
from telegram_bot import links
from telegram_bot.api import Api, Rejected
from telegram_bot.handlers.talk import Arrived
from telegram_bot.models import Account
from telegram_bot.offload import in_thread
from telegram_bot.wire import File, Message, Update

MOST_BYTES = 20_000_000  # that a bot is given

logger = structlog.get_logger(__name__)


async def fetch(api: Api, update: Update) -> Arrived:
    """Fetch what comes with an update, if a linked person has sent it.

    Raises:
        Flood, Away: Later.
    """
    arrived = Arrived()
    message = update.message
    found = _file(message) if message else None
    if message is None or found is None or message.sender is None:
        return arrived
    account = await in_thread(links.account_of)(message.sender.id)
    if account is None:
        return arrived
    try:
        await _take(api, update, found, account=account, arrived=arrived)
    except (AgentError, BadAttachment) as error:
        arrived.problems.append(f"{found.name}: {error}")
    except Rejected as rejected:
        logger.info("file_not_fetched", reason=rejected.reason)
        arrived.problems.append(f"{found.name}: Telegram did not hand it out.")
    return arrived


async def _take(
    api: Api, update: Update, found: "_Found", *, account: Account, arrived: Arrived
) -> None:
    """Fetch a file and keep it; or listen to it, if it is a voice message.

    Raises:
        BadAttachment: It can't be taken.
        LLMError: It can't be listened to.
        Flood, Away, Rejected: Telegram did not hand it out.
    """
    limit = MOST_BYTES if found.voice else min(MOST_BYTES, settings.ATTACHMENT_MAX_BYTES)
    if (found.file.file_size or 0) > limit:
        raise BadAttachment(sentence=f"it is larger than {limit / 1_000_000:g} MB.")
    content = await api.download(found.file.file_id)
    if found.voice:
        model = settings.TRANSCRIPTION_MODEL
        arrived.heard = await broker().atranscribe(model, content, name=found.name)
        return
    arrived.files.append(await in_thread(_keep)(account, update, found.name, content=content))


class _Found(NamedTuple):
    """A file that a message has."""

    name: str
    file: File
    voice: bool = False


def _file(message: Message) -> _Found | None:
    """Return a message's file: of a photo, its largest size; a voice only if somebody listens."""
    if message.document is not None:
        return _Found(message.document.file_name or "file", message.document)
    if message.photo:
        return _Found("photo.jpg", max(message.photo, key=lambda each: each.file_size or 0))
    if settings.TRANSCRIPTION_MODEL and (voice := message.voice or message.audio):
        return _Found(voice.file_name or "voice.ogg", voice, voice=True)
    return None


def _keep(account: Account, update: Update, name: str, *, content: bytes) -> UUID:
    known = uuid5(NAMESPACE_URL, f"telegram:{update.update_id}:file")
    return attachments.keep(account.user, name=name, content=content, attachment_id=known).id
