"""What can go wrong with agents, told apart by who must act.

AgentError
├── ToolError          the model: it reads the sentence and tries another way
├── LLMError           the person or the operator: `code` says what, `retryable` whether it may pass
├── TooManyRounds      the person: the agent went round and round
├── PersonAsked        the person: a tool needs an answer before it can go on
├── Suspended          the person: calls wait for a decision or an answer
├── CallsElsewhere     nobody: whoever asked makes these calls, and comes back with the results
├── Cancelled          nobody: somebody pressed stop
├── MissingScope       the person: the API key is not made for this
├── NotAllowed         the person: somebody else has the right for this
├── NoSuchAgent        the person: this agent is not there, or switched off
├── UnknownAgent       the person: there is no agent of this name at all
├── AgentExists        the person: the slug is taken
├── BadAgent           the person: an agent can't be like that
└── ChangedMeanwhile   the person: somebody else has changed the agent
"""


class AgentError(Exception):
    """Base of all errors of agents. `code` is for programs, `str()` for people."""

    code = "agent_error"
    retryable = False


class ToolError(AgentError):
    """A tool could not do what was asked. The model reads the sentence."""

    code = "tool_error"


class LLMError(AgentError):
    """A model gave no answer, or not a whole one."""

    def __init__(
        self,
        sentence: str,
        *,
        code: str = "llm_error",
        retryable: bool = False,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Say what went wrong.

        Args:
            sentence: For people: what happened and what they can do.
            code: For programs: "rate_limited", "server_error", "timeout" …
            retryable: Whether the same call may well succeed later.
            retry_after_seconds: How long the provider asks to wait, if it does.
        """
        super().__init__(sentence)
        self.code = code
        self.retryable = retryable
        self.retry_after_seconds = retry_after_seconds


class TooManyRounds(AgentError):
    """The agent called tools until its limit and gave no answer."""

    code = "too_many_rounds"
    retryable = True

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The agent called tools {limit} times over without coming to an answer. "
            "Try again, or ask in smaller steps."
        )


class PersonAsked(AgentError):
    """A tool raises this to ask the person something. The answer becomes its result."""

    code = "person_asked"

    def __init__(self, question: str) -> None:
        super().__init__(question)
        self.question = question


class Suspended(AgentError):
    """Calls wait for a person. The run ends here and goes on, perhaps elsewhere, afterwards."""

    code = "suspended"

    def __init__(self, calls: tuple[str, ...]) -> None:
        super().__init__("The run waits for a person.")
        self.calls = calls


class CallsElsewhere(AgentError):
    """The model wants calls that whoever asked makes. The agent's own have been made."""

    code = "calls_elsewhere"

    def __init__(self) -> None:
        super().__init__("The model wants calls that are made elsewhere.")


class Cancelled(AgentError):
    """Somebody stopped the run."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__("Stopped.")


class NoSuchAgent(AgentError):
    """No active agent has this slug."""

    code = "no_such_agent"

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no active agent {slug!r}. Pick another one.")


class AgentExists(AgentError):
    """An agent is to be made, and is there already."""

    code = "agent_exists"

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is an agent {slug!r} already. Give it another slug, or change it.")


class BadAgent(AgentError):
    """An agent can't be like that; the sentence says why."""

    code = "bad_agent"


class ChangedMeanwhile(AgentError):
    """An agent is not as it was when the person looked at it."""

    code = "changed_meanwhile"

    def __init__(self, slug: str) -> None:
        super().__init__(f"The agent {slug!r} was changed meanwhile. Look at it again.")


class NotAllowed(AgentError):
    """A person without the right for this."""

    code = "not_allowed"

    def __init__(self) -> None:
        super().__init__("You have no right to do this. The owner can give it in the admin.")


class MissingScope(AgentError):
    """A key that is not good for this."""

    code = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"This API key lacks the scope {scope!r}. Make one that has it.")


class UnknownAgent(AgentError):
    """There is no agent of this slug, active or not."""

    code = "unknown_agent"

    def __init__(self, slug: str) -> None:
        super().__init__(f"There is no agent {slug!r}.")
