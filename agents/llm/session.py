"""A conversation for scripts: it remembers what was said, within the model's window."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from agents.llm.asking import Asking
from agents.llm.broker import Broker
from agents.llm.budget import fit
from agents.llm.registry import model_info
from agents.llm.tokenizer import Tokenizer
from agents.messages import Turn

UNKNOWN_WINDOW = 32_768
LEFT_FOR_THE_ANSWER = 0.25


class ChatSession:
    """Talks with one model, and keeps the history."""

    def __init__(
        self,
        broker: Broker,
        model: str,
        *,
        system_prompt: str = "You are a helpful assistant.",
        asking: Asking | None = None,
        most_tokens: int | None = None,
    ) -> None:
        """Begin a conversation.

        Args:
            broker: Talks to the models.
            model: Who answers.
            system_prompt: What it is told before.
            asking: Tools and settings.
            most_tokens: How much of the history it is shown; three quarters of its window if
                left out.
        """
        self.history: list[Turn] = []
        self._broker = broker
        self._model = model
        self._asking = asking or Asking()
        if system_prompt:
            self.history.append(Turn(role="system", content=system_prompt))
        window = model_info(model).context_window or UNKNOWN_WINDOW
        self._most = most_tokens or int(window * (1 - LEFT_FOR_THE_ANSWER))
        self._count = Tokenizer(model).count

    def send(self, said: str | Turn) -> str:
        """Say something and return the answer. If there is none, nothing was said.

        Raises:
            LLMError: There was no answer.
        """
        question = _turn(said)
        reply = self._broker.generate(self._model, self._shown(question), self._fresh())
        self.history += [question, Turn(role="assistant", content=reply.content)]
        return reply.content

    def stream(self, said: str | Turn) -> Iterator[str]:
        """Say something and yield the answer as it comes; it is remembered once it is whole.

        Raises:
            LLMError: There was no answer, or not a whole one.
        """
        question, pieces = _turn(said), list[str]()
        shown = self._shown(question)
        for piece in self._broker.generate_stream(self._model, shown, self._fresh()):
            pieces.append(piece)
            yield piece
        self.history += [question, Turn(role="assistant", content="".join(pieces))]

    def _shown(self, question: Turn) -> Sequence[Turn]:
        return fit([*self.history, question], most=self._most, count=self._count)

    def _fresh(self) -> Asking:
        """Return how to ask, with a run of its own: one that was left off is over."""
        context = replace(
            self._asking.context, cancellation=type(self._asking.context.cancellation)()
        )
        return replace(self._asking, context=context)


def _turn(said: str | Turn) -> Turn:
    return Turn(role="user", content=said) if isinstance(said, str) else said
