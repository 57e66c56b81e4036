"""The loop of an agent: ask the model, make the calls it wants, and again. Third stop."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from typing_extensions import override

from agents.errors import CallsElsewhere, LLMError
from agents.events import LLMCalled, LLMFailed, LLMResponded
from agents.llm import Asking, Broker, CompletionConfig, Sink
from agents.llm.budget import shortened
from agents.llm.registry import model_info
from agents.messages import Reply, ToolCall, Turn, open_calls
from agents.recording import Recorder
from agents.tools import ToolContext
from agents.tools.collection import Registry
from agents.tools.execution import Decisions, call_all
from agents.tools.rounds import until_answered


@dataclass(frozen=True, slots=True)
class Steer:
    """What a person says to a run that is under way."""

    message: UUID
    content: str


@dataclass(frozen=True, slots=True)
class Job:
    """What an agent is to do.

    Attributes:
        model: Who answers.
        turns: The conversation so far. If it ends in calls without results, they come first.
        notes: What the model is told behind those results.
        tools: What the model may call.
        config: How it is to answer.
        attempt: 1, or more after a crash.
        decisions: What a person has said about the calls that come first.
        steering: Gives what people have said to the run since it was last asked; it is put to
            the model with its next question.
        left_out: Whether the conversation has an older part that is not among the turns.
        fallbacks: Models to ask instead when the first one fails before its first token.
        window: The tokens that the model takes: beyond them, results of older rounds are cut.
        fresh: Whether the answer must be a new one, even to a question that was asked before.
        elsewhere: The tools whose calls are not made here, but by whoever asked.
    """

    model: str
    turns: list[Turn]
    tools: Registry
    config: CompletionConfig = field(default_factory=CompletionConfig)
    attempt: int = 1
    notes: Sequence[Turn] = ()
    decisions: Decisions = field(default_factory=Decisions)
    steering: Callable[[], Sequence[Steer]] = tuple
    left_out: bool = False
    fallbacks: tuple[str, ...] = ()
    window: int | None = None
    fresh: bool = False
    elsewhere: frozenset[str] = frozenset()


def run(
    job: Job,
    *,
    broker: Broker,
    context: ToolContext,
    recorder: Recorder,
    sink: Sink,
    conversation: list[Turn] | None = None,
) -> Reply:
    """Run an agent until it answers; each step is recorded as it happens.

    Args:
        job: What is to be done.
        broker: Talks to the models.
        context: The run, for its tools; its cancellation ends the run.
        recorder: Where the steps are written down.
        sink: Takes the text of the answer as it streams; afterwards it holds the whole.
        conversation: An empty list that takes the conversation as it grows, for who wants to see.

    Returns:
        The model's last reply.

    Raises:
        LLMError: The model gave no whole answer.
        TooManyRounds: It called tools until its limit.
        Cancelled: Somebody pressed stop.
        Suspended: A person has to allow a call, or to answer one.
        CallsElsewhere: Whoever asked has to make the last calls of the conversation.
    """
    conversation = [] if conversation is None else conversation
    conversation += job.turns
    if begun := open_calls(conversation):
        conversation += call_all(
            begun,
            tools=job.tools,
            context=context,
            recorder=recorder,
            offset=sink.length,
            decisions=job.decisions,
        )
    conversation += job.notes
    asking = _Asking(job, broker=broker, context=context, recorder=recorder, sink=sink)

    def call(calls: Sequence[ToolCall]) -> list[Turn]:
        ours = [each for each in calls if each.name not in job.elsewhere]
        results = call_all(
            ours, tools=job.tools, context=context, recorder=recorder, offset=sink.length
        )
        if len(ours) < len(calls):
            conversation.extend(results)
            raise CallsElsewhere
        return results

    return until_answered(
        conversation, ask=asking.ask, call=call, max_rounds=job.config.max_tool_iterations
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    """One call to the model, recorded at both ends."""

    job: Job
    broker: Broker
    context: ToolContext
    recorder: Recorder
    sink: Sink

    def ask(self, conversation: list[Turn], number: int) -> Reply:
        job, run_id = self.job, self.context.run
        self.context.cancellation.check()
        said = job.steering()
        conversation += [Turn(role="user", content=each.content) for each in said]
        tools = job.tools.all()
        self.recorder.record(
            LLMCalled(
                run=run_id,
                attempt=job.attempt,
                model=job.model,
                round=number,
                messages=len(conversation),
                tools=tuple(tool.name for tool in tools),
                temperature=job.config.temperature,
                steered=tuple(each.message for each in said),
                left_out=job.left_out,
            )
        )
        started_at = time.monotonic()
        try:
            reply = self.broker.ask(
                job.model,
                shortened(conversation, most=job.window) if job.window else conversation,
                Asking(tools, _config(job, number), job.fallbacks, self.context, job.fresh),
                sink=_Paragraph(self.sink),
            )
        except LLMError as error:
            failed = LLMFailed(
                run=run_id,
                attempt=job.attempt,
                model=job.model,
                code=error.code,
                detail=str(error),
                retryable=error.retryable,
            )
            self.recorder.record(failed, duration_ms=_since(started_at))
            raise
        responded = LLMResponded(
            run=run_id,
            attempt=job.attempt,
            model=reply.model or job.model,
            content=reply.content,
            calls=reply.calls,
            usage=reply.usage,
            finish_reason=reply.finish_reason,
            thinking=reply.thinking,
            cached=reply.cached,
            signed=reply.signed if reply.calls else (),
            cost=model_info(reply.model or job.model).cost(reply.usage) if reply.usage else None,
        )
        self.recorder.record(responded, duration_ms=_since(started_at))
        return reply


class _Paragraph(Sink):
    """Sets what a further round says apart from what was said before it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._begun = sink.length == 0

    @override
    def add(self, text: str) -> None:
        if not self._begun:
            self._begun = True
            self._sink.add("\n\n")
        self._sink.add(text)

    @override
    def think(self, text: str, offset: int) -> None:
        self._sink.think(text, offset)

    @property
    @override
    def length(self) -> int:
        return self._sink.length

    @property
    @override
    def text(self) -> str:
        return self._sink.text

    @property
    @override
    def is_full(self) -> bool:
        return self._sink.is_full

    @override
    async def room(self) -> None:
        await self._sink.room()


def _config(job: Job, number: int) -> CompletionConfig:
    """Return how the model is to answer: a tool that it must call, it must call once."""
    if number == 1 or job.config.tool_choice is None:
        return job.config
    return job.config.model_copy(update={"tool_choice": None})


def _since(started_at: float) -> int:
    return round((time.monotonic() - started_at) * 1000)
