"""What people write: to an agent, in answer to its question, or anew."""

from uuid import NAMESPACE_URL, UUID, uuid5

from chat import gateway, pending, selectors
from chat.models import Message as Said
from chat.models import Run, Thread
from telegram_bot.handlers.talk import Talk
from telegram_bot.models import Shown
from telegram_bot.wire import Message

NO_VOICE = "I can't listen to voice messages here. Please write it."
NOT_TAKEN = "I can't take {what} here. Please write it, or send it as a file."
KINDS = {
    "video": "videos",
    "video_note": "video messages",
    "sticker": "stickers",
    "location": "places",
    "contact": "contacts",
    "poll": "polls",
}


def write(talk: Talk, message: Message, text: str) -> None:
    """Give an agent what a person has written.

    Raises:
        ChatError, AgentError: It was refused, with a sentence.
    """
    thread = _meant(talk, message)
    files = tuple(talk.arrived.files)
    if not files and (question := _question(thread)) is not None:
        gateway.answer(thread, question=question, content=text, actor=talk.actor)
        return
    client_id = _client_id(message)
    _keep(talk, message, thread, client_id=client_id)
    receipt = gateway.receive(
        thread=thread,
        content=gateway.Content(text, files),
        channel="telegram",
        sender=talk.actor,
        client_id=client_id,
    )
    talk.outcome.runs.append(receipt.run)


def edit(talk: Talk, message: Message, text: str) -> None:
    """Send another wording of a message: it is answered anew, on a branch of its own.

    Raises:
        ChatError, AgentError: It was refused, with a sentence.
    """
    shown = talk.shown(message.message_id)
    before = Said.objects.filter(id=shown.message).first() if shown and shown.message else None
    if shown is None or before is None or before.content == text:
        return
    thread = selectors.thread_for(talk.user, before.thread_id)
    answering = [run for run in selectors.active_runs(thread) if run.message_id == before.id]
    for run in answering:
        gateway.stop(thread, actor=talk.actor, run=run.id)
    client_id = _client_id(message)
    Shown.objects.filter(pk=shown.pk).update(client_id=client_id)
    receipt = gateway.receive(
        thread=thread,
        content=text,
        channel="telegram",
        sender=talk.actor,
        client_id=client_id,
        place=gateway.Place(replaces=before.id),
    )
    talk.outcome.runs.append(receipt.run)


def unread(message: Message) -> str:
    """Return why there is nothing to read in a message; empty if nobody expects an answer."""
    if message.voice or message.audio:
        return NO_VOICE
    found = next((told for name, told in KINDS.items() if getattr(message, name)), "")
    return NOT_TAKEN.format(what=found) if found else ""


def _meant(talk: Talk, message: Message) -> Thread:
    """Return the thread that a message is for: a reply is for what it replies to."""
    replied = message.reply_to_message
    shown = talk.shown(replied.message_id) if replied else None
    if shown is not None and shown.thread is not None and shown.thread != talk.chat.thread:
        found = Thread.objects.filter(id=shown.thread, owner=talk.user).first()
        if found is not None:
            return found
    return talk.thread_or_new()


def _question(thread: Thread) -> str | None:
    """Return the one thing that a thread waits to hear, if it is a question."""
    run: Run | None = selectors.waiting_run(thread)
    waiting = list(pending.of(run).values()) if run else []
    return waiting[0].call if len(waiting) == 1 and waiting[0].kind == "question" else None


def _client_id(message: Message) -> UUID:
    """Return our id of a message's wording: the same one twice is one message."""
    place = f"{message.chat.id}:{message.message_id}:{message.edit_date or 0}"
    return uuid5(NAMESPACE_URL, f"telegram:message:{place}")


def _keep(talk: Talk, message: Message, thread: Thread, *, client_id: UUID) -> None:
    """Know a person's message by its id in Telegram."""
    Shown.objects.update_or_create(
        chat=talk.chat,
        telegram_id=message.message_id,
        defaults={
            "key": f"in:{message.message_id}",
            "persons": True,
            "client_id": client_id,
            "thread": thread.id,
        },
    )
