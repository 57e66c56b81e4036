"""The commands of the bot. Their menu, /help and what they do stand in one table."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet

from agents import selectors as agents
from chat import gateway, selectors
from chat.errors import BadRequest, NothingToRetry, NothingToStop
from chat.models import Message, Run, Thread
from telegram_bot import formatting, links, outbox
from telegram_bot.formatting import escape
from telegram_bot.handlers import messages
from telegram_bot.handlers.talk import Talk
from telegram_bot.letters import title_of
from telegram_bot.models import Chat, Post
from telegram_bot.outbox import Keyboard, button
from telegram_bot.wire import Message as Wire

PAGE = 8
ROW = 4
MOST_SHOWN = 600
MOST_AGENTS = 20
MOST_TOLD = 80  # characters of what is said of one
NUMBER = re.compile(r"[1-9][0-9]{0,5}")
STATES = {
    Run.State.QUEUED: "waits for a worker",
    Run.State.RUNNING: "at work",
    Run.State.WAITING: "waits for you",
}

Does = Callable[[Talk, str, Wire], None]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what the menu says of it, how it is written, and what it does."""

    told: str
    does: Does
    takes: str = ""


def start(talk: Talk, given: str, message: Wire) -> None:
    """Greet who is linked."""
    del given, message
    greet(talk)


def greet(talk: Talk) -> None:
    """Say hello, and who answers."""
    talk.say(
        f"Hello {escape(talk.user.get_username())}. Write me something: {escape(_who(talk))} "
        "answers. /help tells what else I can do."
    )


def show_help(talk: Talk, given: str, message: Wire) -> None:
    """Tell what the commands do."""
    del given, message
    lines = [
        f"/{name}{' ' + escape(each.takes) if each.takes else ''}  {escape(each.told)}"
        for name, each in COMMANDS.items()
    ]
    talk.say(
        "\n".join(lines) + "\n\nWhat you write goes to the agent. A reply to an older answer goes "
        "on in its thread; an edited message is answered anew."
    )


def new(talk: Talk, given: str, message: Wire) -> None:
    """Begin a thread, with a first message or without."""
    thread = talk.begin()
    if given.strip():
        messages.write(talk, message, given)
    else:
        talk.say(f"A new thread with <b>{escape(_name(thread.agent))}</b>. What is it about?")


def threads(talk: Talk, given: str, message: Wire) -> None:
    """List threads, with buttons."""
    del given, message
    list_threads(talk, page=0)


def list_threads(talk: Talk, *, page: int, target: int | None = None) -> None:
    """Show a page of the person's threads, the last used first."""
    found = list(_threads(talk)[page * PAGE : (page + 1) * PAGE + 1])
    if not found:
        talk.say("There is no thread yet. Write something, and there is one.")
        return
    lines, row = [], []
    for number, thread in enumerate(found[:PAGE], page * PAGE + 1):
        mark = "● " if thread.id == talk.chat.thread else ""
        lines.append(f"{mark}{number}. {escape(title_of(thread))} · {escape(_name(thread.agent))}")
        row.append(button(talk.chat, str(number), {"do": "thread", "thread": str(thread.id)}))
    keyboard: Keyboard = [row[at : at + ROW] for at in range(0, len(row), ROW)]
    further = []
    if page:
        further.append(button(talk.chat, "Newer", {"do": "threads", "page": page - 1}))
    if len(found) > PAGE:
        further.append(button(talk.chat, "Older", {"do": "threads", "page": page + 1}))
    talk.say(
        "<b>Your threads</b>\n" + "\n".join(lines),
        buttons=[*keyboard, further] if further else keyboard,
        target=target,
    )


def go_to(talk: Talk, given: str, message: Wire) -> None:
    """Go on in the thread of a number, as /threads lists them."""
    del message
    if not given.strip():
        thread = talk.thread()
        if thread is None:
            talk.say("No thread goes on here. Write something, and one does.")
        else:
            switch(talk, thread)
        return
    number = int(given) if NUMBER.fullmatch(given.strip()) else 0
    found = _threads(talk)[number - 1 : number].first() if number else None
    if found is None:
        msg = f"There is no thread {given.strip()[:20]!r}. /threads lists them with their numbers."
        raise BadRequest(msg)
    switch(talk, found)


def switch(talk: Talk, thread: Thread) -> None:
    """Go on in a thread, and show where it stands."""
    talk.go_on_in(thread.id)
    told = f"<b>{escape(title_of(thread))}</b> goes on here, with {escape(_name(thread.agent))}."
    last = Message.objects.filter(id=thread.head).first() if thread.head else None
    if last is not None:
        who = "You" if last.role == Message.Role.USER else _name(last.agent)
        text = formatting.shortened(formatting.plain(last.content), MOST_SHOWN)
        told += f"\n\n<i>{escape(who)}:</i>\n<blockquote>{escape(text)}</blockquote>"
    talk.say(told)


def agent(talk: Talk, given: str, message: Wire) -> None:
    """Have another agent answer here, from now on."""
    if not given.strip():
        list_agents(talk, given, message)
        return
    choose_agent(talk, given.strip().removeprefix("@"))


def choose_agent(talk: Talk, slug: str) -> None:
    """Have an agent answer in this chat and its thread.

    Raises:
        NoSuchAgent: There is no such active agent.
    """
    chosen = agents.active_agent(slug)
    talk.chat.agent = chosen.slug
    talk.chat.save(update_fields=["agent"])
    thread = talk.thread()
    if thread is not None and thread.agent != chosen.slug:
        gateway.change_agent(thread, agent=chosen.slug, actor=talk.actor)
    talk.say(f"<b>{escape(chosen.name)}</b> answers here from now on.")


def list_agents(talk: Talk, given: str, message: Wire) -> None:
    """List the agents, with buttons."""
    del given, message
    now = slug_of(talk)
    lines, rows = [], []
    for each in agents.active_agents()[:MOST_AGENTS]:
        told = f": {each.description}" if each.description else ""
        mark = "● " if each.slug == now else ""
        lines.append(
            f"{mark}<b>{escape(each.name)}</b> ({escape(each.slug)}){escape(told[:MOST_TOLD])}"
        )
        rows.append([button(talk.chat, each.name, {"do": "agent", "agent": each.slug})])
    talk.say("\n".join(lines) or "There is no agent yet.", buttons=rows)


def fork(talk: Talk, given: str, message: Wire) -> None:
    """Go on from here in a new thread; in a forum, in a topic of its own."""
    del given, message
    thread = talk.thread()
    if thread is None:
        msg = "There is nothing to fork yet: no thread goes on here."
        raise BadRequest(msg)
    made = gateway.fork(thread, actor=talk.actor, thread_id=talk.id("fork"))
    if talk.chat.forum:
        key = f"update:{talk.update}:topic"
        title = f"{title_of(made)} (fork)"
        kind = Post.Kind.TOPIC
        outbox.write([talk.chat], kind=kind, key=key, thread=made.id, title=title)
        return
    talk.go_on_in(made.id)
    talk.say(
        f"This is a fork of <b>{escape(title_of(thread))}</b>: what you write from now on is only "
        "here. /threads leads back."
    )


def stop(talk: Talk, given: str, message: Wire) -> None:
    """Stop what is under way here. That it has stopped is told by its own event."""
    del given, message
    thread = talk.thread()
    if thread is None:
        raise NothingToStop
    gateway.stop(thread, actor=talk.actor)


def retry(talk: Talk, given: str, message: Wire) -> None:
    """Have the last message answered once more."""
    del given, message
    thread = talk.thread()
    if thread is None:
        raise NothingToRetry
    talk.outcome.runs.append(gateway.retry(thread, actor=talk.actor))


def status(talk: Talk, given: str, message: Wire) -> None:
    """Tell how things stand."""
    del given, message
    thread = talk.thread()
    lines = [f"Linked with <b>{escape(talk.user.get_username())}</b>."]
    if thread is None:
        lines.append(f"No thread goes on here; {escape(_who(talk))} would answer.")
    else:
        lines.append(f"Thread: <b>{escape(title_of(thread))}</b>, {escape(_name(thread.agent))}.")
        active = selectors.active_runs(thread)
        state = STATES[Run.State(active[0].state)] if active else ""
        queued = f", {len(active) - 1} more queued" if len(active) > 1 else ""
        lines.append(f"The agent: {state}{queued}." if active else "Nothing is under way.")
    other = selectors.active_owners(at_most=1_000).count(talk.user.pk)
    lines.append(f"Answers on their way in all your threads: {other}.")
    talk.say("\n".join(lines))


def unlink(talk: Talk, given: str, message: Wire) -> None:
    """Have this account stand for nobody any more."""
    del given, message
    links.unlink(talk.account)
    talk.chat = Chat.objects.get(pk=talk.chat.pk)
    talk.say("This account is not linked any more. A code from Parley's page links it again.")


COMMANDS = {
    "start": Command("say hello", start),
    "help": Command("what I can do", show_help),
    "new": Command("begin a new thread", new, takes="[message]"),
    "threads": Command("your threads", threads),
    "thread": Command("go on in a thread", go_to, takes="[number]"),
    "agent": Command("choose who answers", agent, takes="[name]"),
    "agents": Command("who there is", list_agents),
    "fork": Command("go on from here in a new thread", fork),
    "stop": Command("stop the answer", stop),
    "retry": Command("answer once more", retry),
    "status": Command("how things stand", status),
    "unlink": Command("unlink this account", unlink),
}


def _threads(talk: Talk) -> QuerySet[Thread]:
    return selectors.threads_of(talk.user).filter(state=Thread.State.ACTIVE)


def slug_of(talk: Talk) -> str:
    """Return the slug of the agent that answers in a chat."""
    thread = talk.thread()
    return (thread.agent if thread else talk.chat.agent) or agents.default_agent().slug


def _who(talk: Talk) -> str:
    return _name(slug_of(talk))


def _name(slug: str) -> str:
    found = agents.active_agents().filter(slug=slug).values_list("name", flat=True).first()
    return found or slug
