"""An agent as a tool of another one: its run is nested in the run that asks it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4

from typing_extensions import override

from agents.errors import LLMError, Suspended, ToolError, TooManyRounds
from agents.events import AgentDelegated
from agents.llm import Broker, CompletionConfig, TextSink
from agents.messages import Turn
from agents.recording import Recorder
from agents.runner import Job, run
from agents.tools import Tool, ToolContext
from agents.tools.collection import Registry
from agents.tools.context import Emit
from agents.tools.definition import tool
from agents.tools.memory import ScriptMemory
from agents.tools.tasks import TaskList
from agents.tools.workspace import Workspace
from tracer.events import Event

MOST_DEPTH = 3
MOST_DELEGATIONS = 20  # of one run, with all that are nested in it
SECONDS = 900.0
MOST_REQUEST = 20_000
NEEDS_A_PERSON = frozenset({"ask_user"})


@dataclass(frozen=True, slots=True)
class Delegate:
    """An agent that may be asked.

    Attributes:
        slug: Its name in the record.
        name: Its name for people.
        description: What it is good for; the model that asks it reads that.
        model: Who answers.
        fallbacks: Models to ask instead.
        system_prompt: What it is told before.
        config: How it is to answer.
        tools: Gives what it may call, anew for each run; what a person would have to allow is
            left out.
        workspace: Its files.
    """

    slug: str
    name: str
    description: str
    model: str
    fallbacks: tuple[str, ...]
    system_prompt: str
    config: CompletionConfig
    tools: Callable[[], Registry]
    workspace: Workspace | None


def delegate_tool(delegate: Delegate, broker: Callable[[], Broker]) -> Tool:
    """Return the tool by which another agent asks this one.

    Args:
        delegate: The agent.
        broker: Gives what talks to models.
    """

    def ask(context: ToolContext, request: str) -> str:
        """Ask an agent.

        Args:
            context: The run that asks.
            request: What it is to do. It knows nothing of this conversation: tell it all it needs.
        """
        return _asked(delegate, broker(), context=context, request=request)

    made = tool(name=name_of(delegate.slug), timeout_seconds=SECONDS)(ask)
    about = f": {delegate.description}" if delegate.description else "."
    return replace(made, description=f"Hand something over to the agent {delegate.name}{about}")


def name_of(slug: str) -> str:
    """Return the name of the tool that asks an agent."""
    return f"ask_{slug.replace('-', '_')}"


def _asked(delegate: Delegate, broker: Broker, *, context: ToolContext, request: str) -> str:
    _check(delegate, context, request)
    child = replace(
        context,
        run=uuid4(),
        agent=delegate.slug,
        workspace=delegate.workspace,
        callers=(*context.callers, context.agent),
        tasks=TaskList(),
        memory=ScriptMemory(),
    )
    context.emit(
        AgentDelegated(run=context.run, child=child.run, agent=delegate.slug, request=request)
    )
    turns = [Turn(role="user", content=request)]
    if delegate.system_prompt:
        turns.insert(0, Turn(role="system", content=delegate.system_prompt))
    job = Job(
        model=delegate.model,
        turns=turns,
        tools=delegate.tools(),
        config=delegate.config,
        fallbacks=delegate.fallbacks,
    )
    try:
        reply = run(
            job, broker=broker, context=child, recorder=_Told(context.emit), sink=TextSink()
        )
    except (LLMError, TooManyRounds) as error:
        msg = f"{delegate.name} gave no answer: {error}"
        raise ToolError(msg) from error
    except Suspended as error:
        msg = f"{delegate.name} would need a person for that, which it can't ask from here."
        raise ToolError(msg) from error
    return reply.content


def _check(delegate: Delegate, context: ToolContext, request: str) -> None:
    """Refuse what would go round in circles, too deep, or on and on.

    Raises:
        ToolError: With the reason.
    """
    chain = (*context.callers, context.agent)
    if not request.strip() or len(request) > MOST_REQUEST:
        msg = f"A request has 1 to {MOST_REQUEST:,} characters, not {len(request):,}."
        raise ToolError(msg)
    if delegate.slug in chain:
        msg = f"{delegate.name} is waiting for this answer itself: {' → '.join(chain)}."
        raise ToolError(msg)
    if len(chain) > MOST_DEPTH:
        msg = f"Agents ask each other {MOST_DEPTH} deep at most. Do it yourself."
        raise ToolError(msg)
    if not context.delegations.take(MOST_DELEGATIONS):
        msg = f"{MOST_DELEGATIONS} things were handed over in this run already. Do it yourself."
        raise ToolError(msg)


class _Told(Recorder):
    """Hands what a nested run records to the run around it."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    @override
    def record(self, event: Event, *, duration_ms: int | None = None) -> None:
        self._emit(event, duration_ms=duration_ms)
