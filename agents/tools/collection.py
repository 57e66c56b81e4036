"""Tools by name and by alias."""

from collections.abc import Iterable

from agents.tools.definition import Tool


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
