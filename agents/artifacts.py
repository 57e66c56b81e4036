"""Long results, kept in the database for all workers."""

from collections.abc import Iterable

from typing_extensions import override

from agents.models import Artifact
from agents.tools.artifacts import Artifacts, name_of


class StoredArtifacts(Artifacts):
    """Keeps texts as rows."""

    @override
    def keep(self, text: str) -> str:
        name = name_of(text)
        Artifact.objects.get_or_create(name=name, defaults={"content": text})
        return name

    @override
    def get(self, name: str) -> str | None:
        return Artifact.objects.filter(name=name).values_list("content", flat=True).first()


def discard(names: Iterable[str]) -> None:
    """Delete texts for good."""
    Artifact.objects.filter(name__in=list(names)).delete()
