"""Let a model keep a list of tasks while it works; it is gone with the script."""

from common import broker, model

from agents.llm import Asking
from agents.tools import ToolContext
from agents.tools.builtin.plan import TASK_TOOLS

MARKS = {"pending": "☐", "in_progress": "▶", "completed": "☑"}

context = ToolContext()
asking = Asking(tools=TASK_TOOLS, context=context)
broker_, name = broker(), model(__doc__)
for question in (
    'Plan an article: append_task({"description": "Write the first draft"})',
    'And then: insert_task_after({"existing_task_id": 1, "description": "Have it read"})',
    'Begin: start_task({"task_id": 1})',
):
    broker_.generate(name, question, asking)
for task in context.tasks.tasks:
    print(f"{MARKS[task.status]} {task.id}. {task.description}")
