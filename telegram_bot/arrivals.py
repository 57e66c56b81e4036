"""Files that people send, fetched before their message is handled.

Telegram hands out files of up to 20 MB. What can't be taken is told with its reason; the text
that came with it is taken all the same.
"""

from uuid import NAMESPACE_URL, UUID, uuid5

import structlog
from django.conf import settings

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
    """Fetch the files of an update, if a linked person has sent them.

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
    name, file = found
    limit = min(MOST_BYTES, settings.ATTACHMENT_MAX_BYTES)
    if (file.file_size or 0) > limit:
        arrived.problems.append(f"{name}: the file is larger than {limit // 1_000_000} MB.")
        return arrived
    try:
        content = await api.download(file.file_id)
    except Rejected as rejected:
        logger.info("file_not_fetched", reason=rejected.reason)
        arrived.problems.append(f"{name}: Telegram did not hand it out.")
        return arrived
    try:
        arrived.files.append(await in_thread(_keep)(account, update, name, content=content))
    except BadAttachment as error:
        arrived.problems.append(f"{name}: {error}")
    return arrived


def _file(message: Message) -> tuple[str, File] | None:
    """Return a message's file: of a photo, its largest size."""
    if message.document is not None:
        return message.document.file_name or "file", message.document
    if message.photo:
        return "photo.jpg", max(message.photo, key=lambda each: each.file_size or 0)
    return None


def _keep(account: Account, update: Update, name: str, *, content: bytes) -> UUID:
    known = uuid5(NAMESPACE_URL, f"telegram:{update.update_id}:file")
    return attachments.keep(account.user, name=name, content=content, attachment_id=known).id
