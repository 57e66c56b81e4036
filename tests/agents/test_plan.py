"""The agent's own list of tasks, and what it tells while it works."""

import threading
import time
from collections.abc import Callable

import pytest
from typing_extensions import override

from agents.errors import ToolError
from agents.events import NoticeTold
from agents.messages import Task, ToolCall
from agents.recording import MemoryRecorder
from agents.tools import ToolContext, tool
from agents.tools.collection import Registry
from agents.tools.execution import call_all
from agents.tools.registry import registry
from agents.tools.tasks import MOST_TASKS, TaskList
from tracer.events import Event


def test_tasks_have_an_order_and_states() -> None:
    tasks = TaskList()
    tasks.append("first")
    tasks.append("  last\n of all ")
    tasks.prepend("before")
    tasks.insert_after(1, "second")

    assert [(t.id, t.description) for t in tasks.tasks] == [
        (3, "before"),
        (1, "first"),
        (4, "second"),
        (2, "last of all"),
    ]
    assert tasks.start(1).status == "in_progress"
    assert tasks.complete(1).status == "completed"
    assert tasks.clear() == 4
    assert tasks.append("again").id == 5


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda tasks: tasks.start(9), r"no task 9\. There are: 1, 2"),
        (lambda tasks: tasks.complete(1), "Task 1 is pending; only one that is in progress"),
        (lambda tasks: tasks.start(2), "Task 2 is completed"),
        (lambda tasks: tasks.insert_after(9, "x"), "no task 9"),
        (lambda tasks: tasks.append("  "), "1 to 500 characters, not 0"),
        (lambda tasks: tasks.append("x" * 501), "not 501"),
    ],
)
def test_what_is_wrong_is_said(act: Callable[[TaskList], object], message: str) -> None:
    tasks = TaskList([Task(id=1, description="a"), Task(id=2, description="b", status="completed")])
    before = tasks.tasks

    with pytest.raises(ToolError, match=message):
        act(tasks)

    assert tasks.tasks == before


def test_a_list_has_a_limit_and_keeps_its_numbers_apart() -> None:
    tasks = TaskList()
    threads = [
        threading.Thread(target=lambda: [tasks.append("x") for _ in range(20)]) for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(task.id for task in tasks.tasks) == list(range(1, MOST_TASKS + 1))
    with pytest.raises(ToolError, match="200 tasks"):
        tasks.append("one more")


def calls(*wanted: tuple[str, str]) -> list[ToolCall]:
    return [ToolCall(id=str(n), name=name, arguments=a) for n, (name, a) in enumerate(wanted)]


def test_each_change_is_recorded_before_its_result() -> None:
    recorder = MemoryRecorder()
    context = ToolContext()

    for name, arguments in (
        ("append_task", '{"description": "one"}'),
        ("insert_task_after", '{"existing_task_id": 1, "description": "two"}'),
        ("start_task", '{"task_id": 1}'),
        ("complete_task", '{"task_id": 1}'),
        ("list_tasks", "{}"),
        ("clear_tasks", "{}"),
    ):
        call_all(calls((name, arguments)), tools=registry, context=context, recorder=recorder)

    plans = [e.payload()["tasks"] for e in recorder.events if e.kind == "plan.updated"]
    assert [[task["status"] for task in plan] for plan in plans] == [
        ["pending"],
        ["pending", "pending"],
        ["in_progress", "pending"],
        ["completed", "pending"],
        [],
    ]
    assert recorder.kinds[:3] == ["tool.called", "plan.updated", "tool.returned"]


def test_what_is_told_is_recorded_at_once() -> None:
    told = threading.Event()

    class Recorder(MemoryRecorder):
        @override
        def record(self, event: Event, *, duration_ms: int | None = None) -> None:
            super().record(event, duration_ms=duration_ms)
            if event.kind == "notice.told":
                told.set()

    @tool
    def wait_for_it(context: ToolContext) -> str:
        """Wait until the other tool's notice is recorded."""
        return str(told.wait(5))

    recorder = Recorder()
    (_, waited) = call_all(
        calls(("tell_user", '{"message": "Half of it is done."}'), ("wait_for_it", "{}")),
        tools=Registry([*registry.all(), wait_for_it]),
        context=ToolContext(),
        recorder=recorder,
    )

    assert waited.content == "True"
    (notice,) = [event.payload() for event in recorder.events if event.kind == "notice.told"]
    assert notice["content"] == "Half of it is done."


def test_many_that_tell_at_once_are_all_heard() -> None:
    @tool
    def chatter(context: ToolContext, number: int) -> int:
        """Tell a lot.

        Args:
            number: Who tells.
        """
        for each in range(50):
            context.emit(NoticeTold(run=context.run, content=f"{number}:{each}"))
            time.sleep(0)
        return number

    recorder = MemoryRecorder()
    call_all(
        calls(*(("chatter", f'{{"number": {n}}}') for n in range(8))),
        tools=Registry([chatter]),
        context=ToolContext(),
        recorder=recorder,
    )

    told = [e.payload()["content"] for e in recorder.events if e.kind == "notice.told"]
    assert len(told) == 400
    for number in range(8):
        of_one = [each for each in told if each.startswith(f"{number}:")]
        assert of_one == [f"{number}:{each}" for each in range(50)]
