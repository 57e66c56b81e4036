"""Tools that turn to the person: ask something, tell something."""

from typing import Annotated

from pydantic import Field

from agents.errors import PersonAsked
from agents.events import FileSent, NoticeTold
from agents.text import clean
from agents.tools.builtin.files import space
from agents.tools.context import ToolContext
from agents.tools.definition import tool


@tool(idempotent=True)
def ask_user(
    context: ToolContext,
    user_request: Annotated[str, Field(description="The question, as the person will read it.")],
) -> str:
    """Ask the person something that only they can know or decide, and wait for the answer."""
    if context.ask is None:
        raise PersonAsked(user_request)
    return context.ask(user_request)


@tool
def tell_user(
    context: ToolContext,
    message: Annotated[
        str, Field(min_length=1, max_length=4_000, description="What the person is to know now.")
    ],
) -> str:
    """Tell the person something at once, while you go on working. Don't wait for an answer."""
    context.emit(NoticeTold(run=context.run, content=clean(message)))
    return "Message delivered to user."


@tool
def send_file(
    context: ToolContext,
    path: Annotated[str, Field(description="The file in the workspace, such as 'report.csv'.")],
    caption: Annotated[str, Field(max_length=1_000, description="A line about it.")] = "",
) -> str:
    """Send the person a file of the workspace: they can look at it, and keep it."""
    content = space(context).read(path)
    sent = context.handout.give(path.rsplit("/", 1)[-1], content)
    context.emit(FileSent(run=context.run, file=sent, caption=clean(caption)))
    return f"{sent.name} ({sent.size:,} bytes) was sent to the person."
