"""The loop of an agent: ask, make the calls that are wanted, ask again, until it answers."""

from collections.abc import Callable, Sequence

from agents.errors import TooManyRounds
from agents.messages import Reply, ToolCall, Turn

Ask = Callable[[list[Turn], int], Reply]
Call = Callable[[Sequence[ToolCall]], list[Turn]]


def until_answered(conversation: list[Turn], *, ask: Ask, call: Call, max_rounds: int) -> Reply:
    """Go round until a reply wants no calls.

    Args:
        conversation: What was said so far; the rounds are added to it.
        ask: Asks the model, given the conversation and the round's number, 1 and up.
        call: Makes calls, and returns their results as turns.
        max_rounds: How often the model is asked at most.

    Raises:
        TooManyRounds: It wanted calls each time.
    """
    for number in range(1, max_rounds + 1):
        reply = ask(conversation, number)
        if not reply.calls:
            return reply
        conversation.append(reply.turn())
        conversation += call(reply.calls)
    raise TooManyRounds(max_rounds)
