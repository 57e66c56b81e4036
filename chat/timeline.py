"""Time travel: a thread as it stood at any of its events.

Snapshots of the thread as a whole are kept every few hundred events, and the messages of a path
are read from its end, so that looking back costs the same at any length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from chat import tree
from chat.errors import NoSuchMoment
from chat.events import MessageAdded, MessageEdited, RunEvent
from chat.models import Message, Run, Snapshot, Thread
from chat.state import ThreadState, changes
from tracer.events import Recorded
from tracer.fold import fold
from tracer.log import last_seq, read, read_correlated

WINDOW = 50  # messages
RUN_KINDS = tuple(kind.kind for kind in RunEvent.__subclasses__())


@dataclass(frozen=True, slots=True)
class Moment:
    """A thread at one of its events. `seq` is the event's number."""

    thread: Thread
    seq: int
    state: ThreadState


def now(thread: Thread) -> Moment:
    """Return a thread as it stands."""
    seq = last_seq(thread.stream)  # first: what the row has beyond it is told again, not missed
    row = Thread.objects.get(id=thread.id)
    state = ThreadState(title=row.title, agent=row.agent, state=row.state, head=row.head)
    return Moment(row, seq, state)


def at(thread: Thread, seq: int) -> Moment:
    """Return a thread as it stood right after one of its events.

    Raises:
        NoSuchMoment: It has no such event.
    """
    last = last_seq(thread.stream)
    if not 1 <= seq <= last:
        raise NoSuchMoment(last)
    kept = Snapshot.objects.filter(thread=thread, seq__lte=seq).order_by("seq").last()
    begun = ThreadState()
    if kept is not None:
        begun = ThreadState(title=kept.title, agent=kept.agent, state=kept.state, head=kept.head)
    entries = read(thread.stream, kept.seq if kept else 0, until=seq)
    return Moment(thread, seq, fold(entries, _step, begun))


def _step(state: ThreadState, entry: Recorded) -> ThreadState:
    return state.after(changes(entry.event, head=state.head))


def path(moment: Moment, *, before: UUID | None = None) -> list[Message]:
    """Return the last messages of the path at a moment, as they read then, in order.

    Args:
        moment: When.
        before: Only messages before this one.
    """
    walk = tree.upwards(moment.state.head, page=WINDOW)
    if before is not None:
        for message in walk:
            if message.id == before:
                break
    found = list(islice(walk, WINDOW))[::-1]
    reword(found, moment.thread, until=moment.seq)
    return found


def restate(runs: Mapping[UUID, Run], moment: Moment) -> None:
    """Give runs the state that they had at a moment.

    Args:
        runs: Rows by id, changed in place and not to be saved.
        moment: When.
    """
    if moment.seq == last_seq(moment.thread.stream):
        return
    own = [run.id for run in runs.values() if run.thread_id == moment.thread.id]
    for entry in read_correlated(own, kinds=RUN_KINDS):
        run = runs.get(entry.correlation_id or UUID(int=0))
        if run is not None and entry.seq <= moment.seq:
            run.state = entry.event.payload()["state"]
            run.error = entry.event.payload().get("error")


def reword(messages: Sequence[Message], thread: Thread, *, until: int | None = None) -> None:
    """Give messages that were edited later the text they had.

    Args:
        messages: Rows, changed in place and not to be saved.
        thread: Who looks; of a thread it was forked from, only what came before the fork counts.
        until: The last event of `thread` that counts; all if left out.
    """
    edited = [each for each in messages if each.edited_at is not None]
    if not edited:
        return
    past = tree.past_of(thread) | {thread.id: until}
    for message in edited:
        limit = past.get(message.thread_id)
        if limit is not None:
            _reword(message, until=limit)


def _reword(message: Message, *, until: int) -> None:
    """Find the text that a message had: what was added, and edits up to then."""
    kinds = [MessageAdded.kind, MessageEdited.kind]
    message.edited_at = None
    for entry in read(message.thread.stream, message.seq - 1, until=until, kinds=kinds):
        match entry.event:
            case MessageAdded(message=message.id) as event:
                message.content = event.content
            case MessageEdited(message=message.id) as event:
                message.content, message.edited_at = event.content, entry.at
            case _:
                pass
