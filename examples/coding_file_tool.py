"""Let a model write a program, mend it by a diff, and see the result."""

import json
import runpy
import tempfile
from pathlib import Path

from common import broker, model

from agents.llm import Asking
from agents.tools import ToolContext
from agents.tools.builtin.files import FILE_TOOLS
from agents.tools.workspace import Workspace

PROGRAM = 'def greeting(name):\n    return "Hello"\n\n\nprint(greeting("Parley"))\n'
DIFF = '@@ -2 +2 @@\n-    return "Hello"\n+    return f"Hello, {name}!"\n'


def written(**arguments: str) -> str:
    """Write a call's arguments out, so that the demo model can make it, too."""
    return json.dumps(arguments)


with tempfile.TemporaryDirectory() as folder:
    context = ToolContext(workspace=Workspace(Path(folder)))
    asking = Asking(tools=FILE_TOOLS, context=context)
    broker_, name = broker(), model(__doc__)
    for question in (
        f"Write this program: write_file({written(path='hello.py', content=PROGRAM)})",
        f"It forgets the name: edit_file_with_diff({written(path='hello.py', diff=DIFF)})",
    ):
        print(broker_.generate(name, question, asking).content, end="\n\n")
    runpy.run_path(str(Path(folder) / "hello.py"))  # a program that this very script has written
