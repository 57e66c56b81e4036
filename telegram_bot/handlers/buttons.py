"""What pressing a button does."""

from typing import Any
from uuid import UUID

from django.utils import timezone

from chat import gateway, selectors
from telegram_bot.handlers import commands
from telegram_bot.handlers.talk import Talk
from telegram_bot.models import Button
from telegram_bot.wire import Press

GONE = "This button is not good any more."
DONE = "That is done already."


def press(talk: Talk, pressed: Press) -> None:
    """Do what a button of this chat says, if it may still be pressed.

    Raises:
        ChatError, AgentError: It was refused, with a sentence.
    """
    button = _button(talk, pressed.data)
    if button is None:
        talk.outcome.toast = GONE
    elif button.once and not _used_up(button):
        talk.outcome.toast = DONE
    else:
        target = pressed.message.message_id if pressed.message else None
        do(talk, button.action, target=target)


def _button(talk: Talk, data: str) -> Button | None:
    try:
        token = UUID(data)
    except ValueError:
        return None
    return Button.objects.filter(token=token, chat=talk.chat).first()


def _used_up(button: Button) -> bool:
    """Use a button up, with those beside it; return whether it was still good."""
    beside = Button.objects.filter(chat=button.chat_id, once=button.once)
    if beside.exclude(used_at=None).exists():
        return False
    return beside.update(used_at=timezone.now()) > 0


def do(talk: Talk, action: dict[str, Any], *, target: int | None = None) -> None:
    """Do what a button says, in a chat and for its person."""
    match action["do"]:
        case "threads":
            commands.list_threads(talk, page=int(action["page"]), target=target)
        case "agent":
            commands.choose_agent(talk, action["agent"])
        case _:
            _in_thread(talk, action)


def _in_thread(talk: Talk, action: dict[str, Any]) -> None:
    thread = selectors.thread_for(talk.user, UUID(action["thread"]))
    match action["do"]:
        case "thread":
            commands.switch(talk, thread)
        case "retry":
            message = UUID(action["message"]) if "message" in action else None
            run = gateway.retry(thread, actor=talk.actor, message=message)
            talk.outcome.runs.append(run)
            talk.outcome.toast = "Trying again …"
        case "stop":
            gateway.stop(thread, actor=talk.actor, run=UUID(action["run"]))
            talk.outcome.toast = "Stopping …"
        case "allow" | "always" | "deny" as decision:
            gateway.decide(
                thread,
                call=action["call"],
                allow=decision != "deny",
                remember=decision == "always",
                actor=talk.actor,
            )
            talk.outcome.toast = "Not allowed." if decision == "deny" else "Allowed."
        case _:
            talk.outcome.toast = GONE
