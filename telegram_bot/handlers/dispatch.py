"""From an update to its handler: whether it is meant for the bot, who it is from, what it is."""

import re
from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.db import transaction

from agents import selectors as agents
from agents.errors import AgentError
from agents.skills.selection import named_in
from chat.errors import ChatError
from chat.models import Run
from telegram_bot.formatting import escape, shortened
from telegram_bot.handlers import buttons, commands, door, messages
from telegram_bot.handlers.door import Visit
from telegram_bot.handlers.talk import Arrived, Outcome, Talk
from telegram_bot.models import Chat, Post, Shown, migrate
from telegram_bot.wire import Membership, Message, Press, Stopped, Update

COMMAND = re.compile(r"/(\w{1,32})(?:@(\w+))?(?:\s+(.*))?", re.DOTALL)
UNKNOWN = "I don't know this command. /help tells what there is."
PUT_OUT = "The bot was blocked, or put out."
DRAFT_IDS = 2**31 - 1
MOST_TOAST = 190
MOST_HEARD = 1_000
RECENT = 50  # messages of a person's


def draft_id(run: UUID) -> int:
    """Return the id of a run's draft: small, and never 0."""
    return run.int % DRAFT_IDS + 1


def dispatch(update: Update, *, me: str, arrived: Arrived) -> Outcome:
    """Do what an update says, in the caller's transaction.

    Args:
        update: What has happened.
        me: The bot's user name.
        arrived: The files that came with it.
    """
    outcome: Outcome | None = None
    match update:
        case Update(callback_query=Press() as press):
            outcome = _pressed(update, press)
        case Update(stopped_message_generation=Stopped() as stopped):
            outcome = _stopped(update, stopped)
        case Update(my_chat_member=Membership() as membership):
            _member(membership)
        case Update(message=Message(migrate_to_chat_id=int() as new) as message):
            migrate(message.chat.id, new)
        case Update(message=Message() as message) if _is_for_us(message, me):
            outcome = _message(update, message, me=me, arrived=arrived)
        case Update(edited_message=Message() as message):
            outcome = _edited(update, message)
        case _:
            pass
    return outcome or Outcome()


def _is_for_us(message: Message, me: str) -> bool:
    """Tell whether a message is meant for the bot: in a group, only what names it or answers it."""
    if message.sender is None or message.sender.is_bot or message.chat.type == "channel":
        return False
    if command := COMMAND.fullmatch(message.said.strip()):
        return not command[2] or command[2].lower() == me.lower()
    if message.chat.type == "private" or message.topic:
        return True
    replied = message.reply_to_message
    to_us = replied is not None and replied.sender is not None and replied.sender.username == me
    return to_us or f"@{me}".lower() in message.said.lower()


def _message(update: Update, message: Message, *, me: str, arrived: Arrived) -> Outcome | None:
    assert message.sender is not None, "It is for us."  # noqa: S101  (for the type checker)
    visit = Visit(update.update_id, door.chat_of(message.chat, message.topic), message.sender)
    command = COMMAND.fullmatch(message.said.strip())
    if command and command[1] == "start" and command[3]:
        talk = door.link(visit, command[3].strip())
        if talk is not None:
            talk.say("Your account is linked.")
            commands.greet(talk)
        return None
    talk = door.enter(visit)
    if talk is None:
        return None
    talk.arrived = arrived
    outcome = _trying(talk, lambda each: _hear(each, message, command, me=me))
    for problem in arrived.problems:
        talk.say(escape(problem))
    return outcome


def _hear(talk: Talk, message: Message, command: "re.Match[str] | None", *, me: str) -> None:
    if command and (known := commands.COMMANDS.get(command[1].lower())):
        known.does(talk, command[3] or "", message)
        return
    text = _without_mention(message.said, me).strip()
    if heard := talk.arrived.heard.strip():
        talk.say(f"<i>I heard:</i> {escape(shortened(heard, MOST_HEARD))}")
        text = f"{text}\n\n{heard}".strip()
    if command and not _names_skill(talk, text):
        talk.say(escape(UNKNOWN))
    elif text or talk.arrived.files:
        messages.write(talk, message, text)
    elif not talk.arrived.problems and (reason := messages.unread(message)):
        talk.say(escape(reason))


def _edited(update: Update, message: Message) -> Outcome | None:
    chat = door.known_chat(message)
    if chat is None or message.sender is None or not message.said.strip():
        return None
    talk = door.enter(Visit(update.update_id, chat, message.sender))
    return _trying(talk, lambda each: messages.edit(each, message, message.said.strip()))


def _pressed(update: Update, press: Press) -> Outcome:
    chat = door.known_chat(press.message) if press.message else None
    talk = door.enter(Visit(update.update_id, chat, press.sender)) if chat else None
    if talk is None:
        return Outcome(toast=buttons.GONE)
    try:
        with transaction.atomic():
            buttons.press(talk, press)
    except (ChatError, AgentError) as error:
        talk.outcome.toast = str(error)[:MOST_TOAST]
    return talk.outcome


def _stopped(update: Update, stopped: Stopped) -> Outcome | None:
    """Stop the run whose draft somebody has stopped."""
    chats = Chat.objects.filter(chat_id=stopped.chat.id, account__isnull=False)
    asked = Shown.objects.filter(chat__in=chats, persons=True).order_by("-id")[:RECENT]
    by_message = {each.message: each for each in asked.select_related("chat__account__user")}
    active = Run.objects.filter(message_id__in=[each for each in by_message if each])
    for run in active.filter(finished_at=None):
        chat = by_message[run.message_id].chat
        if draft_id(run.id) == stopped.draft_id and chat.account is not None:
            action = {"do": "stop", "thread": str(run.thread_id), "run": str(run.id)}
            talk = Talk(update.update_id, chat, chat.account)
            return _trying(talk, partial(buttons.do, action=action))
    return None


def _member(membership: Membership) -> None:
    """Note where the bot may not write any more, and where it may again."""
    out = membership.new_chat_member.status in {"kicked", "left"}
    Chat.objects.filter(chat_id=membership.chat.id).update(refused=PUT_OUT if out else "")
    if out:
        waiting = Post.objects.filter(chat__chat_id=membership.chat.id, state=Post.State.WAITING)
        waiting.update(state=Post.State.FAILED, problem=PUT_OUT)


def _trying(talk: Talk | None, do: Callable[[Talk], None]) -> Outcome | None:
    """Do something, all of it; or say why it was refused."""
    if talk is None:
        return None
    try:
        with transaction.atomic():
            do(talk)
    except (ChatError, AgentError) as error:
        talk.chat.refresh_from_db()
        talk.say(escape(str(error)))
    return talk.outcome


def _without_mention(text: str, me: str) -> str:
    return re.sub(rf"@{re.escape(me)}\b", "", text, flags=re.IGNORECASE) if me else text


def _names_skill(talk: Talk, text: str) -> bool:
    agent = agents.active_agent(commands.slug_of(talk))
    return named_in(text, agents.skills_of(agent)) is not None
