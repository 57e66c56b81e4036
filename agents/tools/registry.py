"""Which tools there are, by name and by alias."""

import logging
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points

from agents.tools.builtin import BUILTIN
from agents.tools.definition import Tool

ENTRY_POINTS = "parley.tools"

logger = logging.getLogger(__name__)  # (structlog would take longer to load)


class Registry:
    """Tools by name. A name claimed twice is an error at start."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        self._aliases: dict[str, str] = {}
        for each in tools:
            self.add(each)

    def add(self, new: Tool) -> None:
        """Take a tool in.

        Raises:
            ValueError: Its name or an alias is taken.
        """
        for name in (new.name, *new.aliases):
            if name in self._tools or name in self._aliases:
                msg = f"Two tools answer to {name!r}."
                raise ValueError(msg)
        self._tools[new.name] = new
        self._aliases.update(dict.fromkeys(new.aliases, new.name))

    def get(self, name: str) -> Tool | None:
        """Return the tool of this name or alias, if there is one."""
        return self._tools.get(self._aliases.get(name, name))

    def named(self, names: Iterable[str]) -> list[Tool]:
        """Return the tools of these names; those that are gone are left out."""
        return [found for name in names if (found := self.get(name)) is not None]

    def all(self) -> list[Tool]:
        """Return all tools, sorted by name."""
        return sorted(self._tools.values(), key=lambda each: each.name)


def installed() -> Iterator[Tool]:
    """Yield the tools of installed packages: what their entry points "parley.tools" name.

    A package that can't be loaded is logged and left out.
    """
    for point in entry_points(group=ENTRY_POINTS):
        try:
            found = point.load()
        except Exception:
            logger.exception("The tool of %s can't be loaded", point.value)
            continue
        if isinstance(found, Tool):
            yield found
        else:
            logger.error("%s is no tool", point.value)


registry = Registry([*BUILTIN, *installed()])
