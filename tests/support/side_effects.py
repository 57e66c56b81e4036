"""A package of somebody else's with a tool that leaves a trace: installed for one Parley."""

import textwrap
from pathlib import Path

MODULE = '''
import os
import time

from agents.tools import tool


@tool(timeout_seconds=20)
def note(text: str, seconds: float) -> str:
    """Write something down for good.

    Args:
        text: What to write.
        seconds: How long that takes.
    """
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"begun {text}\\n")
    time.sleep(seconds)
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"done {text}\\n")
    return f"noted {text}"


@tool(needs_approval=True)
def note_with_leave(text: str) -> str:
    """Write something down for good, if that is allowed.

    Args:
        text: What to write.
    """
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"done {text}\\n")
    return f"noted {text}"
'''


class SideEffects:
    """The package, and what its tools have left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._notes = folder / "notes.txt"
        information = folder / "notes-1.0.dist-info"
        information.mkdir(parents=True)
        (folder / "notes.py").write_text(textwrap.dedent(MODULE))
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: notes\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(
            "[parley.tools]\nnote = notes:note\nnote_with_leave = notes:note_with_leave\n"
        )
        self._notes.touch()

    @property
    def settings(self) -> dict[str, str]:
        """What an installation needs to have the package."""
        return {"PYTHONPATH": str(self._folder), "NOTES": str(self._notes)}

    def count(self, line: str) -> int:
        """Return how often a line was written."""
        return self._notes.read_text().splitlines().count(line)


TOOLS = ["ask_user", "calculator", "note", "note_with_leave"]
SWITCH_ON = f"from agents.models import Agent; Agent.objects.update(tools={TOOLS!r})"
