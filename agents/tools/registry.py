"""Which tools there are: those that come with Parley, and those of installed packages."""

import logging
from collections.abc import Iterator
from importlib.metadata import entry_points

from agents.tools.builtin import BUILTIN
from agents.tools.collection import Registry
from agents.tools.definition import Tool

ENTRY_POINTS = "parley.tools"

logger = logging.getLogger(__name__)  # (structlog would take longer to load)


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
