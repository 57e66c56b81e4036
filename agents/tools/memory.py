"""What an agent keeps from one conversation to the next, and what it finds in earlier ones."""

import re
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

MOST_FACTS = 1_000


class Fact(BaseModel):
    """Something that was kept."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    content: str


class Found(BaseModel):
    """Something that was said earlier. `when` is a date."""

    thread: UUID
    title: str
    when: str
    excerpt: str


class Memory(Protocol):
    """Keeps facts for one person and one agent."""

    def remember(self, content: str) -> UUID:
        """Keep a fact; return the id that it is forgotten by."""

    def facts(self) -> Sequence[Fact]:
        """Return what is kept, the oldest first."""

    def forget(self, fact: UUID) -> bool:
        """Forget a fact; return whether it was there."""

    def search(self, query: str, *, count: int) -> Sequence[Found]:
        """Return what was said in the person's conversations that has all words of a query."""


class ScriptMemory(Memory):
    """Keeps facts for as long as somebody holds this; there are no earlier conversations."""

    def __init__(self) -> None:
        self._facts: dict[UUID, Fact] = {}

    @override
    def remember(self, content: str) -> UUID:
        fact = Fact(id=uuid4(), content=content)
        self._facts[fact.id] = fact
        return fact.id

    @override
    def facts(self) -> Sequence[Fact]:
        return list(self._facts.values())

    @override
    def forget(self, fact: UUID) -> bool:
        return self._facts.pop(fact, None) is not None

    @override
    def search(self, query: str, *, count: int) -> Sequence[Found]:
        return []


def fitting(facts: Sequence[Fact], query: str, *, count: int) -> list[Fact]:
    """Return the facts that share words with a query: the most words first, then the newest."""
    wanted = set(words(query))
    scored = [(len(wanted & set(words(fact.content))), place) for place, fact in enumerate(facts)]
    best = sorted((each for each in scored if each[0]), reverse=True)
    return [facts[place] for _, place in best[:count]]


def words(text: str) -> list[str]:
    """Return the words of a text, by which things are found."""
    return [word for word in re.findall(r"\w+", text.casefold()) if len(word) > 1]
