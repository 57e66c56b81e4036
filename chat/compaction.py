"""A thread that has outgrown its model's window: its older part is summarised by the model.

The summary is an event, with its cost and what it was made from. The messages stay as they are;
only what the model sees changes, and pinned messages are shown to it all the same.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.llm import Asking, Broker
from agents.llm.budget import BYTES_A_TOKEN, cut
from agents.llm.compaction import summarise
from agents.llm.registry import model_info
from agents.models import Agent
from chat.context import loaded_in
from chat.events import ContextCompacted
from chat.models import Run
from chat.past import Past, Spoken

KEPT_SHARE = 0.3  # of the window: the newest exchanges, word for word
PIECE_SHARE = 0.6  # of the window: what is summarised in one call
SUMMARY_SHARE = 0.1
MOST_PIECES = 8


@dataclass(frozen=True, slots=True)
class Compacted:
    """A summary that was made, and how long it took."""

    event: ContextCompacted
    duration_ms: int


def compact(
    run: Run,
    agent: Agent,
    *,
    broker: Broker,
    asking: Asking,
    window: int,
    skills: Iterable[str] = (),
) -> Iterator[Compacted]:
    """Have an agent's model summarise what is older than the newest exchanges of a run's path.

    A summary that is there is brought up to date. What is too long for one call is summarised
    piece by piece; each piece is yielded once it is done, to be recorded.

    Args:
        run: Whose path it is.
        agent: Whose model is asked.
        broker: Talks to the model.
        asking: The settings, the fallbacks, and the context that a stop reaches.
        window: The tokens that the model takes.
        skills: The names of the agent's skills; which of them were loaded is kept.

    Raises:
        LLMError: There was no summary.
        Cancelled: Somebody pressed stop.
    """
    past = Past(run)
    older, left_out = _older(past, window)
    earlier = past.summary.content if past.summary else ""
    loaded = list(past.summary.skills) if past.summary else []
    for piece in _pieces(older, most=int(window * PIECE_SHARE)):
        started_at = time.monotonic()
        turns = [turn for each in piece for turn in each.turns]
        loaded += [name for name in loaded_in(turns, skills) if name not in loaded]
        reply = summarise(broker, agent.model, turns, earlier=earlier, asking=asking)
        earlier = cut(reply.content.strip(), int(window * SUMMARY_SHARE) * BYTES_A_TOKEN)
        if not earlier:
            return  # a model that has nothing to say: what is older stays left out
        answered = reply.model or agent.model
        event = ContextCompacted(
            run=run.id,
            agent=agent.slug,
            thread=run.thread_id,
            summary=earlier,
            first=piece[0].message.id,
            first_seq=piece[0].message.seq,
            until=piece[-1].message.id,
            until_seq=piece[-1].message.seq,
            messages=len(piece),
            model=answered,
            left_out=left_out,
            skills=tuple(loaded),
            usage=reply.usage,
            cost=model_info(answered).cost(reply.usage) if reply.usage else None,
        )
        yield Compacted(event, round((time.monotonic() - started_at) * 1000))


def _older(past: Past, window: int) -> tuple[list[Spoken], bool]:
    """Return what is older than the newest exchanges, in order; whether there was too much.

    The cut is before a person's message, so that no result is parted from its call.
    """
    kept, room = 0, int(window * KEPT_SHARE)
    most = int(window * PIECE_SHARE) * MOST_PIECES
    exchange: list[Spoken] = []
    older: list[Spoken] = []
    for each in past:
        if older:
            most -= each.shortened().tokens
            if most < 0:
                return older[::-1], True
            older.append(each.shortened())
            continue
        exchange.append(each)
        if each.is_persons:
            size = sum(one.tokens for one in exchange)
            if kept and kept + size > room:
                older = [one.shortened() for one in exchange]
            kept += size
            exchange = []
    return older[::-1], False


def _pieces(spoken: Iterable[Spoken], *, most: int) -> Iterator[list[Spoken]]:
    piece: list[Spoken] = []
    size = 0
    for each in spoken:
        if piece and size + each.tokens > most:
            yield piece
            piece, size = [], 0
        piece.append(each)
        size += each.tokens
    if piece:
        yield piece
