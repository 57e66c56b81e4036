"""What was said before a run, as its model sees it: the path to its message, from its end.

It is read as far back as somebody wants it, or as a summary stands for it: a long thread costs
no more than a short one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from uuid import UUID

from agents.llm import budget
from agents.messages import Turn
from chat import attachments, timeline, tree
from chat.models import Message, Run, Summary
from chat.steps import Steps, steps_of

PAGE = 200  # messages
UNSEEN = ("agent", "channel", "sender", "client_id", "finish", "created_at")  # by a model
SHORT_RESULT = 2_000  # characters, of an older tool's result where room is short


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message with what its agent did for it, and the tokens that it takes, nearly."""

    message: Message
    turns: tuple[Turn, ...]
    tokens: int

    @property
    def is_persons(self) -> bool:
        """Whether the person begins something with it."""
        return self.message.role == Message.Role.USER and bool(self.turns)

    def shortened(self) -> "Spoken":
        """Return it with long results of tools cut in their middle."""
        turns = tuple(budget.with_short_result(turn, SHORT_RESULT) for turn in self.turns)
        return replace(self, turns=turns, tokens=tokens(turns))


class Past:
    """The path to a run's message, the newest first, back to what is summarised."""

    def __init__(self, run: Run, *, sees_images: bool = False) -> None:
        """Begin to look back.

        Args:
            run: Whose message the path ends with.
            sees_images: Whether the model is shown images; else it is told that they are there.
        """
        self.summary: Summary | None = None
        """The summary that stands for all before what was yielded; known at the end."""

        self._run = run
        self._sees_images = sees_images
        self._threads = tree.past_of(run.thread)

    def __iter__(self) -> Iterator[Spoken]:
        walk = tree.upwards(self._run.message_id, without=UNSEEN)
        while self.summary is None and (page := list(islice(walk, PAGE))):
            page = self._before_summary(page)
            timeline.reword(page, self._run.thread)
            steps = self._steps(page)
            for message in page:
                turns = tuple(_turns(message, steps, sees_images=self._sees_images))
                yield Spoken(message, turns, tokens(turns))

    def pinned_before(self, message: Message) -> list[Message]:
        """Return the pinned messages that stand before one on the path, in order."""
        wanted = set(self._pins)
        found: list[Message] = []
        walk = tree.upwards(message.parent_id) if wanted and message.parent_id else iter(())
        for each in walk:
            if each.id in wanted:
                found.append(each)
                wanted.remove(each.id)
                if not wanted:
                    break
        timeline.reword(found, self._run.thread)
        return found[::-1]

    @cached_property
    def _pins(self) -> set[UUID]:
        return tree.pins_of(self._run.thread)

    def _before_summary(self, page: Sequence[Message]) -> list[Message]:
        """Return the messages of a page that no summary stands for; keep the summary."""
        oldest = min(message.seq for message in page)  # a list of a page's ids would cost more
        found = Summary.objects.filter(tree.within(self._threads), until_seq__gte=oldest)
        by_message = {summary.until_id: summary for summary in found.order_by("seq")}
        by_message.pop(self._run.message_id, None)
        for place, message in enumerate(page):
            if summary := by_message.get(message.id):
                self.summary = summary
                return list(page[:place])
        return list(page)

    def _steps(self, page: Sequence[Message]) -> dict[UUID, Steps]:
        answering = [message.run_id for message in page if message.run_id]
        if not answering:
            return {}
        with_steps = Run.objects.filter(id__in=answering, has_steps=True).exclude(id=self._run.id)
        steps = steps_of(list(with_steps.values_list("id", flat=True)))
        for each in steps.values():
            each.close("It has no result.")
        return steps


def tokens(turns: Sequence[Turn]) -> int:
    """Estimate what turns take of a model's window."""
    return sum(budget.size(turn, budget.estimate) for turn in turns)


def _turns(message: Message, steps: dict[UUID, Steps], *, sees_images: bool) -> list[Turn]:
    if message.taken_by:
        return []  # it stands among the steps of the run that took it
    if message.role == Message.Role.USER:
        return [_of_a_person(message, sees_images=sees_images)]
    done = steps.get(message.run_id) if message.run_id else None
    before = done.turns() if done else []
    if message.edited_at or not done:
        content = message.content
    else:
        content = message.content.removeprefix(done.text).lstrip("\n")
    return [*before, Turn(role="assistant", content=content)] if content else before


def _of_a_person(message: Message, *, sees_images: bool) -> Turn:
    if not message.attachments:
        return Turn(role="user", content=message.content)
    parts = attachments.parts(message.content, message.attached, sees_images=sees_images)
    text = "\n\n".join(part.text for part in parts if part.text)
    return Turn(role="user", content=text, parts=parts)
