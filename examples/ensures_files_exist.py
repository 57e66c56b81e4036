"""Have a model look whether files are there before it relies on them."""

import tempfile
from pathlib import Path

from common import broker, model

from agents.llm import Asking
from agents.tools import ToolContext
from agents.tools.builtin.files import ensure_files_exist
from agents.tools.workspace import Workspace

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "there.md").write_text("I am here.", encoding="utf-8")
    context = ToolContext(workspace=Workspace(Path(folder)))
    asking = Asking(tools=[ensure_files_exist], context=context)
    question = 'Are they there? ensure_files_exist({"paths": ["there.md", "missing.md"]})'
    print(broker().generate(model(__doc__), question, asking).content)
