"""Files that go with messages: taken in, sent, shown to models, and forgotten.

Images and texts are taken from people: what a model can look at or read. What an agent sends may
be of any kind.
"""

import mimetypes
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone

from agents.llm.budget import cut
from agents.llm.content import MessageBuilder, fenced, image_type, is_binary
from agents.messages import Attached, Part
from agents.text import clean
from chat.errors import BadAttachment, NoSuchAttachment, TooManyAttachments
from chat.models import Attachment, User

MOST = 10  # with one message
MOST_NAME = 200
MOST_SHOWN = 60_000  # characters of a text that a model sees
UNSENT_KEPT = timedelta(days=1)
PLAIN = "text/plain"
ANYTHING = "application/octet-stream"
UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]+")


def keep(owner: User, *, name: str, content: bytes, attachment_id: UUID | None = None) -> Attached:
    """Keep a file that a person is about to send.

    Args:
        owner: Whose it is.
        name: What it is called.
        content: What is in it. Its kind is seen from that, whatever is said of it.
        attachment_id: The id that it is to have. The same one twice is one file.

    Raises:
        BadAttachment: It is empty, too large, or neither an image nor a text.
    """
    limit = settings.ATTACHMENT_MAX_BYTES
    if not content:
        raise BadAttachment(sentence="The file is empty.")
    if len(content) > limit:
        sentence = f"The file has {len(content):,} bytes; the limit is {limit:,}."
        raise BadAttachment(sentence=sentence)
    media_type = image_type(content) or ("" if is_binary(content) else PLAIN)
    if not media_type:
        sentence = "Only images (PNG, JPEG, GIF, WebP) and text files can be sent."
        raise BadAttachment(sentence=sentence)
    return _kept(owner, name, content, media_type=media_type, attachment_id=attachment_id)


def give(owner: User, thread: UUID, *, name: str, content: bytes) -> Attached:
    """Keep a file that an agent sends in a thread.

    Raises:
        BadAttachment: It is empty or too large.
    """
    limit = settings.ATTACHMENT_MAX_BYTES
    if not content or len(content) > limit:
        sentence = f"A file of {len(content):,} bytes can't be sent; 1 to {limit:,} can."
        raise BadAttachment(sentence=sentence)
    guessed = image_type(content) or mimetypes.guess_type(name)[0]
    media_type = guessed or (ANYTHING if is_binary(content) else PLAIN)
    kept = _kept(owner, name, content, media_type=media_type)
    claim(owner, thread, [kept.id])
    return kept


def claim(owner: User, thread: UUID, ids: Sequence[UUID]) -> tuple[Attached, ...]:
    """Have files belong to a thread, and return what is said of them.

    Raises:
        NoSuchAttachment: One is not there, not theirs, or was sent in another thread.
        TooManyAttachments: There are more than ten.
    """
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MOST:
        raise TooManyAttachments(MOST)
    found = Attachment.objects.filter(owner=owner, id__in=wanted).defer("content").in_bulk()
    for each in wanted:
        if each not in found or found[each].thread not in {None, thread}:
            raise NoSuchAttachment
    Attachment.objects.filter(id__in=wanted, thread=None).update(thread=thread)
    return tuple(_told(found[each]) for each in wanted)


def parts(text: str, attached: Iterable[Attached], *, sees_images: bool) -> tuple[Part, ...]:
    """Return a message with its files as a model is shown it.

    Args:
        text: What the person wrote.
        attached: The files.
        sees_images: Whether the model sees images; if not, it is told that there is one.
    """
    kept = Attachment.objects.in_bulk([each.id for each in attached])
    made = MessageBuilder(text)
    for each in attached:
        held = kept.get(each.id)
        if held is None:
            made.text(f"[{each.name}: this file was deleted.]")
        elif not each.media_type.startswith("image/"):
            shown = cut(bytes(held.content).decode(errors="replace"), MOST_SHOWN)
            made.text(fenced(each.name, clean(shown)))
        elif sees_images:
            made.text(f"[{each.name}]").image(bytes(held.content), media_type=each.media_type)
        else:
            made.text(f"[{each.name}: an image, which this model can't see.]")
    return made.parts


def forget_unsent() -> None:
    """Delete what was uploaded a day ago and never sent."""
    old = Attachment.objects.filter(thread=None, created_at__lt=timezone.now() - UNSENT_KEPT)
    if old.exists():  # (to delete nothing would take the database's lock as well)
        old.delete()


def _kept(
    owner: User, name: str, content: bytes, *, media_type: str, attachment_id: UUID | None = None
) -> Attached:
    row, _ = Attachment.objects.get_or_create(
        id=attachment_id or uuid4(),
        owner=owner,
        defaults={
            "name": UNSAFE.sub("_", clean(name)).strip()[-MOST_NAME:] or "file",
            "media_type": media_type,
            "size": len(content),
            "content": content,
        },
    )
    return _told(row)


def _told(row: Attachment) -> Attached:
    return Attached(id=row.id, name=row.name, media_type=row.media_type, size=row.size)
