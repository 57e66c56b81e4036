"""A tool that asks the person something."""

from typing import Annotated, NoReturn

from pydantic import Field

from agents.errors import PersonAsked
from agents.tools.definition import tool


@tool(idempotent=True)
def ask_user(
    user_request: Annotated[str, Field(description="The question, as the person will read it.")],
) -> NoReturn:
    """Ask the person something that only they can know or decide, and wait for the answer."""
    raise PersonAsked(user_request)
