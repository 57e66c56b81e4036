"""Let a model write, list and read files, in a folder of its own."""

import tempfile
from pathlib import Path

from common import broker, model

from agents.llm import Asking
from agents.tools import ToolContext
from agents.tools.builtin.files import list_files, read_file, write_file
from agents.tools.workspace import Workspace

with tempfile.TemporaryDirectory() as folder:
    context = ToolContext(workspace=Workspace(Path(folder)))
    asking = Asking(tools=[list_files, read_file, write_file], context=context)
    broker_, name = broker(), model(__doc__)
    for question in (
        'Write a note: write_file({"path": "notes/a.md", "content": "Hello from a file."})',
        'Which are there? list_files({"path": "notes"}) read_file({"path": "notes/a.md"})',
    ):
        print(broker_.generate(name, question, asking).content, end="\n\n")
