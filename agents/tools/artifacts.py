"""Results that are too long for a model: kept whole, to be read in parts."""

import hashlib
from typing import Protocol

from typing_extensions import override


class Artifacts(Protocol):
    """Keeps texts by what they are."""

    def keep(self, text: str) -> str:
        """Keep a text; return the name that it is found by."""

    def get(self, name: str) -> str | None:
        """Return the text of a name, if it is kept."""


class MemoryArtifacts(Artifacts):
    """Keeps texts for as long as somebody holds this: for scripts."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    @override
    def keep(self, text: str) -> str:
        name = name_of(text)
        self._texts[name] = text
        return name

    @override
    def get(self, name: str) -> str | None:
        return self._texts.get(name)


def name_of(text: str) -> str:
    """Return a text's name: the same for the same text, and nothing one could guess."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]
