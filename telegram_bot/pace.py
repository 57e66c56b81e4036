"""How fast Telegram may be asked: per chat, in all, and not at all where it has said to wait.

Telegram does not publish its limits exactly; about one message a second per chat, twenty a minute
per group, thirty a second in all. Edits and drafts count as well. What only shows how an answer
grows leaves something over for the answer itself, which waits its turn and is never dropped.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PRIVATE_PER_SECOND = 1.0
GROUP_PER_SECOND = 20 / 60
IN_ALL_PER_SECOND = 25.0
AT_ONCE = 3.0
IN_ALL_AT_ONCE = 25.0
KEPT_BACK = 1.0  # of a chat's, for what has to get through
IN_ALL_KEPT_BACK = 5.0
CHATS_TO_PAUSE_ALL = 2
MOST_KEPT = 10_000  # chats

Clock = Callable[[], float]


@dataclass(slots=True)
class Bucket:
    """So much at once, and then so much a second."""

    per_second: float
    most: float
    held: float
    at: float
    closed_until: float = 0.0

    def fill(self, now: float) -> None:
        """Add what has come in since."""
        self.held = min(self.most, self.held + (now - self.at) * self.per_second)
        self.at = now

    def wait(self, now: float, *, keep: float = 0.0) -> float:
        """Return in how many seconds one can be taken, with some left over."""
        self.fill(now)
        missing = max(0.0, 1.0 + keep - self.held) / self.per_second
        return max(missing, self.closed_until - now, 0.0)


@dataclass(slots=True)
class Pace:
    """The pace of one bot."""

    clock: Clock = time.monotonic
    _chats: dict[int, Bucket] = field(default_factory=dict)
    _all: Bucket | None = None

    def wait(self, chat: int, *, group: bool) -> float:
        """Return in how many seconds something that has to get through may be sent there."""
        now = self.clock()
        return max(self._bucket(chat, group, now).wait(now), self._whole(now).wait(now))

    def take(self, chat: int, *, group: bool) -> None:
        """Count something that is sent there now."""
        now = self.clock()
        for bucket in (self._bucket(chat, group, now), self._whole(now)):
            bucket.fill(now)
            bucket.held -= 1.0

    def spare(self, chat: int, *, group: bool) -> bool:
        """Count something that may as well be left out, if there is room for it."""
        now = self.clock()
        ours = self._bucket(chat, group, now).wait(now, keep=KEPT_BACK)
        if ours > 0 or self._whole(now).wait(now, keep=IN_ALL_KEPT_BACK) > 0:
            return False
        self.take(chat, group=group)
        return True

    def pause(self, chat: int, seconds: float, *, group: bool) -> None:
        """Send nothing there for a while: Telegram has said so. If two chats pause, all do."""
        now = self.clock()
        self._bucket(chat, group, now).closed_until = now + seconds
        paused = [each for each in self._chats.values() if each.closed_until > now]
        if len(paused) >= CHATS_TO_PAUSE_ALL:
            self._whole(now).closed_until = now + seconds

    def _bucket(self, chat: int, group: bool, now: float) -> Bucket:  # noqa: FBT001
        if chat not in self._chats:
            if len(self._chats) >= MOST_KEPT:
                self._forget(now)
            rate = GROUP_PER_SECOND if group else PRIVATE_PER_SECOND
            self._chats[chat] = Bucket(rate, AT_ONCE, AT_ONCE, now)
        return self._chats[chat]

    def _forget(self, now: float) -> None:
        """Forget chats that have been quiet."""
        for each in self._chats.values():
            each.fill(now)
        kept = {
            chat: each
            for chat, each in self._chats.items()
            if each.held < each.most or each.closed_until > now
        }
        self._chats = kept

    def _whole(self, now: float) -> Bucket:
        if self._all is None:
            self._all = Bucket(IN_ALL_PER_SECOND, IN_ALL_AT_ONCE, IN_ALL_AT_ONCE, now)
        return self._all
