"""The agent's list of tasks, as tools. Each change is told at once, so that people can follow."""

from typing import Annotated

from pydantic import Field, JsonValue

from agents.events import PlanUpdated
from agents.tools.context import ToolContext
from agents.tools.definition import tool

Description = Annotated[str, Field(description="What is to be done, in one sentence.")]
Identity = Annotated[int, Field(ge=1, description="The task's id.")]


@tool(in_order=True)
def append_task(context: ToolContext, description: Description) -> dict[str, JsonValue]:
    """Add a task at the end of your list of tasks."""
    task = context.tasks.append(description)
    return _told(context, f"Added task {task.id}.")


@tool(in_order=True)
def prepend_task(context: ToolContext, description: Description) -> dict[str, JsonValue]:
    """Add a task at the beginning of your list of tasks."""
    task = context.tasks.prepend(description)
    return _told(context, f"Added task {task.id} at the beginning.")


@tool(in_order=True)
def insert_task_after(
    context: ToolContext, existing_task_id: Identity, description: Description
) -> dict[str, JsonValue]:
    """Add a task behind another one of your list."""
    task = context.tasks.insert_after(existing_task_id, description)
    return _told(context, f"Added task {task.id} behind task {existing_task_id}.")


@tool(in_order=True)
def start_task(context: ToolContext, task_id: Identity) -> dict[str, JsonValue]:
    """Begin a pending task of your list."""
    task = context.tasks.start(task_id)
    return _told(context, f"Task {task.id} is in progress.")


@tool(in_order=True)
def complete_task(context: ToolContext, task_id: Identity) -> dict[str, JsonValue]:
    """Finish a task of your list that is in progress."""
    task = context.tasks.complete(task_id)
    return _told(context, f"Task {task.id} is completed.")


@tool(idempotent=True, in_order=True)
def list_tasks(context: ToolContext) -> dict[str, JsonValue]:
    """Read your list of tasks."""
    return _list(context, "These are your tasks." if context.tasks.tasks else "There are none.")


@tool(idempotent=True, in_order=True)
def clear_tasks(context: ToolContext) -> dict[str, JsonValue]:
    """Take all tasks off your list."""
    count = context.tasks.clear()
    return _told(context, f"Took {count} tasks off the list.")


TASK_TOOLS = (
    append_task,
    clear_tasks,
    complete_task,
    insert_task_after,
    list_tasks,
    prepend_task,
    start_task,
)


def _told(context: ToolContext, sentence: str) -> dict[str, JsonValue]:
    context.emit(PlanUpdated(run=context.run, tasks=context.tasks.tasks))
    return _list(context, sentence)


def _list(context: ToolContext, sentence: str) -> dict[str, JsonValue]:
    return {"done": sentence, "tasks": [task.model_dump() for task in context.tasks.tasks]}
