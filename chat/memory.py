"""What an agent remembers of a person: facts as events, found again in every thread."""

from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

from typing_extensions import override

from agents.events import MemoryUpdated
from agents.tools.memory import Fact, Found, Memory, words
from chat.models import Message, Remembered, Run
from tracer.events import Event

EXCERPT = 300  # characters


class KeptMemory(Memory):
    """The facts that one agent keeps of one person, and all that the person has talked about."""

    def __init__(self, run: Run, record: Callable[[Event], None]) -> None:
        """Look after the memory of a run.

        Args:
            run: Whose agent and whose person.
            record: Takes an event into the run's stream; the row follows from it.
        """
        self._run = run
        self._record = record
        self._rows = Remembered.objects.filter(
            owner_id=run.thread.owner_id, agent=run.agent, forgotten=False
        )

    @override
    def remember(self, content: str) -> UUID:
        fact = uuid4()
        self._record(MemoryUpdated(run=self._run.id, memory=fact, content=content))
        return fact

    @override
    def facts(self) -> Sequence[Fact]:
        rows = self._rows.order_by("created_at", "id")
        return [Fact(id=row.id, content=row.content) for row in rows]

    @override
    def forget(self, fact: UUID) -> bool:
        if not self._rows.filter(id=fact).exists():
            return False
        self._record(MemoryUpdated(run=self._run.id, memory=fact, forgotten=True))
        return True

    @override
    def search(self, query: str, *, count: int) -> Sequence[Found]:
        wanted = words(query)
        found = Message.objects.filter(thread__owner_id=self._run.thread.owner_id)
        for word in wanted:
            found = found.filter(content__icontains=word)
        found = found.exclude(id=self._run.message_id).select_related("thread")
        return [
            Found(
                thread=message.thread_id,
                title=message.thread.title,
                when=f"{message.created_at:%Y-%m-%d}",
                excerpt=_around(message.content, wanted[0]),
            )
            for message in found.order_by("-created_at")[:count]
        ]


def _around(content: str, word: str) -> str:
    """Return what stands around a word."""
    place = content.casefold().find(word)
    start = max(0, place - EXCERPT // 2)
    excerpt = content[start : start + EXCERPT]
    before, after = "…" if start else "", "…" if start + EXCERPT < len(content) else ""
    return f"{before}{excerpt}{after}"
