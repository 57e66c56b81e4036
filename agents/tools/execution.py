"""A round of tool calls: all at once, results in the order of the calls.

Tools run in threads of their own; the thread that waits for them records what happens, so
that they don't fight over the stream.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    InvalidStateError,
    ThreadPoolExecutor,
    wait,
)
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

from pydantic import JsonValue

from agents import loop
from agents.errors import Cancelled, PersonAsked, Suspended, ToolError
from agents.events import (
    QuestionAsked,
    ToolApprovalRequested,
    ToolCalled,
    ToolFailed,
    ToolReturned,
)
from agents.messages import ToolCall, Turn
from agents.recording import Recorder
from agents.text import clean, clean_object
from agents.tools.artifacts import Artifacts
from agents.tools.collection import Registry
from agents.tools.context import ToolContext
from agents.tools.definition import Tool
from agents.tools.handout import Handout
from agents.tools.memory import Memory
from tracer.events import Event

Result = TypeVar("Result")

THREADS = 64
NOT_ALLOWED = "The person does not allow this call. Go on without it."
HANDED_SECONDS = 30.0
STOPPED = "Stopped by the person before it had a result."

logger = logging.getLogger(__name__)  # (structlog would take longer to load)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What a person has been asked about calls, and has allowed.

    Attributes:
        asked: The calls that an approval or an answer was asked for.
        approved: The calls that are allowed, with the digest of what was allowed.
    """

    asked: Set[str] = frozenset()
    approved: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Started:
    call: ToolCall
    tool: Tool
    at: float
    deadline: float


def call_all(
    calls: Sequence[ToolCall],
    *,
    tools: Registry,
    context: ToolContext,
    recorder: Recorder,
    offset: int = 0,
    decisions: Decisions | None = None,
) -> list[Turn]:
    """Make all calls of a round at the same time.

    Args:
        calls: What the model wants called.
        tools: The tools it was offered; any other is unknown to it.
        context: Handed to each tool that takes it.
        recorder: Is told of each call, and of each result as it comes.
        offset: The characters of the answer that stand before the calls.
        decisions: What a person has said about these calls before.

    Returns:
        One turn of role "tool" for each call, in the order of the calls. What failed says why.

    Raises:
        Cancelled: Somebody pressed stop; the calls without a result are recorded as stopped.
        Suspended: A person has to allow or answer some of the calls; the others have been made.
    """
    work = _Round(
        tools=tools,
        context=context,
        recorder=recorder,
        offset=offset,
        decisions=decisions or Decisions(),
    )
    for call in calls:
        work.start(call)
    work.finish()
    if work.undecided:
        raise Suspended(tuple(work.undecided))
    return [Turn(role="tool", call_id=call.id, content=work.contents[call.id]) for call in calls]


class _Round:
    def __init__(
        self,
        *,
        tools: Registry,
        context: ToolContext,
        recorder: Recorder,
        offset: int,
        decisions: Decisions,
    ) -> None:
        self.tools = tools
        self.context = context
        self.recorder = recorder
        self.offset = offset
        self.decisions = decisions
        self.contents: dict[str, str] = {}
        self.undecided: list[str] = []
        self.running: dict[Future[JsonValue], _Started] = {}
        self._handed: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._bell: Future[None] = Future()
        self._patience = 0.0
        self._before: Future[JsonValue] | None = None  # the last one that has to go first
        self._given = replace(
            context,
            emit=self._emit,
            artifacts=cast("Artifacts", _Handed(context.artifacts, self._ask)),
            handout=cast("Handout", _Handed(context.handout, self._ask)),
            memory=cast("Memory", _Handed(context.memory, self._ask)),
        )

    def _emit(self, event: Event, *, duration_ms: int | None = None) -> None:
        self._hand(lambda: self.recorder.record(event, duration_ms=duration_ms))

    def _hand(self, work: Callable[[], None]) -> None:
        """Take work from a tool's thread; the thread that waits for the tool does it."""
        self._handed.put(work)
        with suppress(InvalidStateError):
            self._bell.set_result(None)

    def _ask(self, work: Callable[[], Result]) -> Result:
        """Have the thread that waits do something, and wait for what comes of it."""
        done: Future[Result] = Future()

        def answer() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001  (it is raised where it is waited for)
                done.set_exception(error)

        self._hand(answer)
        return done.result(HANDED_SECONDS)

    def _do_handed(self) -> None:
        if self._bell.done():
            self._bell = Future()  # first: what is handed over from now on rings again
        with suppress(Empty):
            while True:
                self._handed.get_nowait()()

    def start(self, call: ToolCall) -> None:
        allowed = self.decisions.approved.get(call.id) == digest(call)
        if call.id in self.decisions.asked and not allowed:
            self.undecided.append(call.id)
            return
        now = time.monotonic()
        try:
            tool = self._tool(call)
            arguments = tool.parse(call.arguments)
        except ToolError as error:
            self._record_call(call)
            self._failed(call, str(error), started_at=now)
            return
        if tool.needs_approval and not allowed:
            if self.context.allow is None:
                self._ask_approval(call)
                return
            allowed = self.context.allow(call.name, readable(call.arguments))
        self._record_call(call)
        if tool.needs_approval and not allowed:
            self._failed(call, NOT_ALLOWED, started_at=now)
            return
        future, patience = self._submit(tool, partial(tool.call, arguments, self._given))
        self.running[future] = _Started(call, tool, now, deadline=now + patience)

    def _submit(self, tool: Tool, work: Callable[[], JsonValue]) -> tuple[Future[JsonValue], float]:
        """Have a thread do the work; return what comes of it, and how long it may take."""
        threads = _threads(len(self.context.callers))
        if not tool.in_order:
            return threads.submit(work), tool.timeout_seconds
        self._before = threads.submit(_after, self._before, work)
        self._patience += tool.timeout_seconds  # those before it take theirs
        return self._before, self._patience

    def _record_call(self, call: ToolCall) -> None:
        event = ToolCalled(
            run=self.context.run,
            call=call.id,
            name=call.name,
            arguments=readable(call.arguments),
            offset=self.offset,
        )
        self.recorder.record(event)

    def _ask_approval(self, call: ToolCall) -> None:
        event = ToolApprovalRequested(
            run=self.context.run,
            call=call.id,
            name=call.name,
            arguments=readable(call.arguments),
            digest=digest(call),
            offset=self.offset,
        )
        self.recorder.record(event)
        self.undecided.append(call.id)

    def _tool(self, call: ToolCall) -> Tool:
        found = self.tools.get(call.name)
        if found is None:
            names = ", ".join(each.name for each in self.tools.all()) or "none"
            msg = f"There is no tool {call.name!r}. There are: {names}."
            raise ToolError(msg)
        return found

    def finish(self) -> None:
        stop: Future[JsonValue] = Future()
        self.context.cancellation.on_cancel(lambda: stop.set_result(None))
        while self.running:
            soonest = min(started.deadline for started in self.running.values())
            patience = max(0.0, soonest - time.monotonic())
            with loop.waiting():
                waited: set[Future[Any]] = {*self.running, stop, self._bell}
                done, _ = wait(waited, patience, return_when=FIRST_COMPLETED)
            self._do_handed()
            for future in done & self.running.keys():
                self._ended(future, self.running.pop(future))
            if stop in done:
                self._stop_all()
            self._drop_the_late()
        self.context.cancellation.check()

    def _ended(self, future: Future[JsonValue], started: _Started) -> None:
        call = started.call
        try:
            result = future.result()
        except ToolError as error:
            self._failed(call, str(error), started_at=started.at)
        except PersonAsked as asked:
            question = clean(asked.question)
            event = QuestionAsked(
                run=self.context.run, question=call.id, name=call.name, content=question
            )
            self.recorder.record(event)
            self.undecided.append(call.id)
        except Cancelled:
            if not self.context.cancellation.handed_over:
                self._failed(call, STOPPED, started_at=started.at)
        except TimeoutError:
            self._late(started)
        except Exception as error:
            logger.exception("%s crashed in run %s", call.name, self.context.run)
            sentence = f"{call.name} failed: {type(error).__name__}: {error}"
            self._failed(call, sentence, started_at=started.at)
        else:
            returned = ToolReturned(
                run=self.context.run, call=call.id, name=call.name, result=result
            )
            self.recorder.record(returned, duration_ms=_since(started.at))
            self.contents[call.id] = result_text(result)

    def _failed(self, call: ToolCall, error: str, *, started_at: float) -> None:
        error = clean(error)
        event = ToolFailed(run=self.context.run, call=call.id, name=call.name, error=error)
        self.recorder.record(event, duration_ms=_since(started_at))
        self.contents[call.id] = failure_text(error)

    def _late(self, started: _Started) -> None:
        name, limit = started.call.name, started.tool.timeout_seconds
        sentence = f"{name} took longer than {limit:g} s and was given up."
        self._failed(started.call, sentence, started_at=started.at)

    def _drop_the_late(self) -> None:
        now = time.monotonic()
        for future, started in list(self.running.items()):
            if started.deadline <= now and not future.done():
                del self.running[future]
                future.cancel()
                self._late(started)

    def _stop_all(self) -> None:
        for future, started in self.running.items():
            future.cancel()
            if not self.context.cancellation.handed_over:  # else the next worker sees to them
                self._failed(started.call, STOPPED, started_at=started.at)
        raise Cancelled


class _Handed:
    """Something that only the thread that waits may use, for the tools' threads."""

    def __init__(self, kept: object, ask: Callable[[Callable[[], Any]], Any]) -> None:
        self._kept = kept
        self._ask = ask

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._kept, name)

        def asked(*given: object, **named: object) -> Any:  # noqa: ANN401  (whatever it returns)
            return self._ask(lambda: method(*given, **named))

        return asked


def _after(before: "Future[JsonValue] | None", work: Callable[[], JsonValue]) -> JsonValue:
    """Do some work once another one is over, however it ended."""
    if before is not None:
        wait([before])
    return work()


def digest(call: ToolCall) -> str:
    """Return the fingerprint of a call, by which an approval is bound to its arguments."""
    return hashlib.sha256(f"{call.name}\n{call.arguments}".encode()).hexdigest()


def readable(arguments: str) -> dict[str, JsonValue]:
    """Return arguments as an object for the record, even when a model wrote no JSON."""
    try:
        parsed = json.loads(arguments or "{}")
    except ValueError:
        parsed = None
    return clean_object(parsed) if isinstance(parsed, dict) else {"unreadable": arguments}


def result_text(result: JsonValue) -> str:
    """Write a result the way a model reads it."""
    return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)


def failure_text(error: str) -> str:
    """Write a failure the way a model reads it."""
    return json.dumps({"error": error}, ensure_ascii=False)


def _since(started_at: float) -> int:
    return round((time.monotonic() - started_at) * 1000)


@lru_cache(maxsize=16)
def _threads(depth: int) -> ThreadPoolExecutor:
    """Return the threads for a depth: tools that wait never keep out what they wait for."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix=f"tool-{depth}")
