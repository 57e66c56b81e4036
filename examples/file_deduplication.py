"""Find files that are the same, and have a model say which to keep."""

import hashlib
import tempfile
from collections import defaultdict
from pathlib import Path

from common import broker, model
from pydantic import BaseModel

from agents.tools.workspace import Workspace


class Advice(BaseModel):
    """Which one of several files to keep, and why."""

    keep: str
    reason: str


with tempfile.TemporaryDirectory() as folder:
    workspace = Workspace(Path(folder))
    for path in ("report.md", "old/report (copy).md"):
        workspace.write(path, b"The same report.")
    workspace.write("other.md", b"Something else.")
    same: dict[str, list[str]] = defaultdict(list)
    for found in workspace.walk():
        if not found.is_folder:
            same[hashlib.sha256(workspace.read(found.path)).hexdigest()].append(found.path)

broker_, name = broker(), model(__doc__)
for paths in same.values():
    if len(paths) > 1:
        print(f"{len(paths)} files are the same: {', '.join(paths)}")
        question = f"Which of these files should be kept? {paths}"
        advice = broker_.generate_object(name, question, wanted=Advice)
        print(f"Keep {advice.keep}: {advice.reason}")
