"""The list of tasks that a thread's agent keeps."""

from agents.events import PlanUpdated
from agents.messages import Task
from agents.tools.tasks import TaskList
from chat.models import Thread
from tracer.log import read


def of(thread: Thread) -> TaskList:
    """Return a thread's tasks as they stand; a fork goes on with those of its past."""
    return TaskList(_tasks(thread, until=None))


def _tasks(thread: Thread, *, until: int | None) -> list[Task]:
    if until is None:
        if thread.plan is not None:
            return [Task.model_validate(each) for each in thread.plan]
    else:
        told = read(thread.stream, until=until, kinds=[PlanUpdated.kind])
        events = [each.event for each in told if isinstance(each.event, PlanUpdated)]
        if events:
            return list(events[-1].tasks)
    if thread.origin_id is None:
        return []
    return _tasks(Thread.objects.get(id=thread.origin_id), until=thread.origin_seq)
