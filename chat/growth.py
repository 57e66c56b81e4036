"""The growing answers of one socket: what it has been told, to the character.

Deltas carry an offset and an attempt. What is behind is dropped, what overlaps is cut, a gap is
reported so that the caller reads the snapshot, and an attempt older than the newest is ignored.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from chat import rendering
from chat.frames import Frame
from tracer.frames import MAX_CHARACTERS
from tracer.live import Delta, Thought


@dataclass(slots=True)
class _Answer:
    attempt: int
    message: str
    offset: int = 0
    rendered: int = 0
    tail: str = ""


@dataclass(slots=True)
class Growth:
    """Follows the running answers of a thread for one client.

    Attributes:
        html: Whether the client also wants finished blocks as HTML.
    """

    html: bool = False
    _answers: dict[str, _Answer] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    def take(self, deltas: Iterable[Delta]) -> tuple[list[Frame], bool]:
        """Take deltas in their order; return the frames to send, and whether one left a gap.

        Pieces of one answer that follow each other become one frame. Behind a gap nothing
        is taken: the caller reads the snapshot.
        """
        fresh: dict[str, list[str]] = {}
        gap = False
        for delta in deltas:
            known = self._answer_of(delta, fresh)
            if known is None or gap:
                continue
            said = known.offset + sum(map(len, fresh.get(delta.run, ())))
            if delta.offset > said:
                gap = True
            elif piece := delta.text[said - delta.offset :]:
                fresh.setdefault(delta.run, []).append(piece)
        frames: list[Frame] = []
        for run, pieces in fresh.items():
            frames += self._grown(run, self._answers[run], pieces)
        return frames, gap

    def _answer_of(self, delta: Delta, fresh: dict[str, list[str]]) -> _Answer | None:
        """Return the answer that a delta belongs to; None if it is of the past."""
        if delta.run in self._ended:
            return None
        known = self._answers.get(delta.run)
        if known is None or delta.attempt > known.attempt:
            known = self._answers[delta.run] = _Answer(delta.attempt, delta.message)
            fresh.pop(delta.run, None)
        return known if delta.attempt == known.attempt else None

    def snapshot(self, run: str, *, attempt: int, message: str, text: str) -> list[Frame]:
        """Take what a running answer holds; return the frames that bring the client there."""
        if run in self._ended:
            return []
        known = self._answers.get(run)
        if known is not None and (
            known.attempt > attempt or (known.attempt == attempt and known.offset >= len(text))
        ):
            return []
        begun = self._answers[run] = _Answer(attempt, message)
        begun.offset = min(len(text), MAX_CHARACTERS)
        begun.tail = text[:MAX_CHARACTERS] if self.html else ""
        first: Frame = {
            "type": "snapshot",
            "run": run,
            "attempt": attempt,
            "message": message,
            "text": text[:MAX_CHARACTERS],
        }
        rest = self._grown(run, begun, [text[MAX_CHARACTERS:]])
        return [first, *(rest or self._blocks(run, begun))]

    def thoughts(self, thoughts: Iterable[Thought]) -> list[Frame]:
        """Return the frames of what models think, except of runs that are over."""
        return [
            {
                "type": "thinking",
                "run": each.run,
                "attempt": each.attempt,
                "message": each.message,
                "offset": each.offset,
                "text": each.text,
            }
            for each in thoughts
            if each.run not in self._ended
        ]

    def end(self, run: str) -> None:
        """Forget a run: its final message has been sent."""
        self._answers.pop(run, None)
        self._ended.add(run)

    def _grown(self, run: str, answer: _Answer, pieces: list[str]) -> list[Frame]:
        text = "".join(pieces)
        frames: list[Frame] = []
        for start in range(0, len(text), MAX_CHARACTERS):
            piece = text[start : start + MAX_CHARACTERS]
            frames.append(
                {
                    "type": "delta",
                    "run": run,
                    "attempt": answer.attempt,
                    "message": answer.message,
                    "offset": answer.offset,
                    "text": piece,
                }
            )
            answer.offset += len(piece)
        if self.html and text:
            answer.tail += text
            frames += self._blocks(run, answer)
        return frames

    def _blocks(self, run: str, answer: _Answer) -> list[Frame]:
        if not self.html or "\n\n" not in answer.tail:
            return []
        end = rendering.finished_blocks(answer.tail, 0)
        if end == 0:
            return []
        block: Frame = {
            "type": "block",
            "run": run,
            "attempt": answer.attempt,
            "message": answer.message,
            "start": answer.rendered,
            "end": answer.rendered + end,
            "html": rendering.render(answer.tail[:end]),
        }
        answer.rendered += end
        answer.tail = answer.tail[end:]
        return [block]
