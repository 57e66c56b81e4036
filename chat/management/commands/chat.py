"""`manage.py chat`: talk to an agent in the terminal. The answer streams, tools are shown."""

import asyncio
import queue
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import redis
from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from agents import loop
from agents.errors import AgentError
from chat import credentials, gateway, selectors
from chat.errors import ChatError
from chat.feed import Feed
from chat.frames import Frame
from chat.models import Thread, User
from tracer import live
from tracer.log import last_seq

STANDARD = "-"
CHANNEL = "terminal"
PATIENCE_SECONDS = 5.0
ENDS = {"run.completed", "run.failed", "run.cancelled"}
NOTES = {
    "tool.called": "· {name} {arguments}",
    "tool.failed": "· {name} failed: {error}",
    "notice.told": "{content}",
}
STOPPED = 130  # as a shell tells of Ctrl-C


class Command(BaseCommand):
    """Talk to an agent."""

    help = "Ask an agent something; the answer streams to the terminal."

    @override
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question", help="What to say; - for what comes in.")
        parser.add_argument("--agent", help="Who is asked, by slug; the default agent if left out.")
        parser.add_argument("--thread", help="Go on with this thread; a new one if left out.")
        parser.add_argument("--user", help="Who asks; the owner if left out.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        question = options["question"]
        text = sys.stdin.read() if question == STANDARD else question
        try:
            live.connection().ping()
        except redis.RedisError as error:
            msg = "Parley is not running: Redis does not answer. Start it with `make run`."
            raise CommandError(msg) from error
        try:
            user = credentials.active_person(options["user"])
            thread = _thread(user, options)
            seq = last_seq(thread.stream)
            receipt = gateway.receive(
                thread=thread,
                content=text,
                channel=CHANNEL,
                sender=f"user:{user.pk}",
                agent=options["agent"],
            )
        except (ChatError, AgentError) as error:
            raise CommandError(str(error)) from error
        with _frames(thread, after=seq) as frames:
            talk = _Talk(self, thread, receipt.run, actor=f"user:{user.pk}")
            talk.follow(frames)
        self.stdout.write("")
        self.stderr.write(f"thread {thread.id}")
        if talk.problem:
            raise CommandError(talk.problem, returncode=talk.code)


class _Talk:
    """One answer, as it comes."""

    def __init__(self, command: Command, thread: Thread, run: UUID, *, actor: str) -> None:
        self.problem = ""
        self.code = 1
        self._command = command
        self._thread = thread
        self._run = str(run)
        self._actor = actor
        self._printed = ""
        self._begun = False

    def follow(self, frames: "queue.Queue[Frame]") -> None:
        """Print what comes, until the run has ended."""
        while True:
            try:
                frame = frames.get(timeout=None if self._begun else PATIENCE_SECONDS)
            except queue.Empty:
                self._begun = True
                self._note("Waiting for a worker: is Parley running (`make run`)?")
                continue
            except KeyboardInterrupt:
                self._stop()
                continue
            if self._take(frame):
                return

    def _take(self, frame: Frame) -> bool:
        """Print a frame; return whether it was the last."""
        match frame:
            case {"type": "delta", "run": self._run, "offset": offset, "text": text}:
                self._say(self._printed[:offset] + text)
            case {"type": "snapshot", "run": self._run, "text": text}:
                self._say(text)
            case {"type": "event", "correlation_id": self._run, "kind": kind, "data": data}:
                return self._happened(kind, data)
            case _:
                pass
        return False

    def _happened(self, kind: str, data: dict[str, Any]) -> bool:
        """Take an event; return whether it is the run's last."""
        if kind in NOTES:
            self._note(NOTES[kind].format(**data))
        elif kind == "message.added" and data["role"] == "assistant":
            self._say(data["content"])
        elif kind == "tool.approval_requested":
            self._decide(data)
        elif kind == "question.asked":
            self._answer(data)
        elif kind == "run.failed":
            self.problem = data["error"]["detail"]
        elif kind == "run.cancelled":
            self.problem, self.code = "Stopped.", STOPPED
        self._begun = self._begun or kind == "run.started"
        return kind in ENDS

    def _say(self, whole: str) -> None:
        """Print what is new of the answer; one that begins anew is printed anew."""
        if not whole.startswith(self._printed):
            if self._printed.startswith(whole):
                return
            self._note("(The answer begins anew.)")
            self._printed = ""
        self._command.stdout.write(whole[len(self._printed) :], ending="")
        self._command.stdout.flush()
        self._printed = whole

    def _note(self, text: str) -> None:
        if self._printed and not self._printed.endswith("\n"):
            self._command.stderr.write("")  # a new line
        self._command.stderr.write(text)

    def _decide(self, data: dict[str, Any]) -> None:
        self._note(f"{data['name']} {data['arguments']}")
        said = self._asked("May it do that? [y]es, [a]lways in this thread, [n]o: ").lower()
        self._tell(
            gateway.decide,
            call=data["call"],
            allow=said in {"y", "yes", "a", "always"},
            remember=said in {"a", "always"},
        )

    def _answer(self, data: dict[str, Any]) -> None:
        content = self._asked(f"{data['content']}\n> ") or "(no answer)"
        self._tell(gateway.answer, question=data["question"], content=content)

    def _asked(self, prompt: str) -> str:
        self._command.stderr.write(prompt, ending="")
        self._command.stderr.flush()
        return sys.stdin.readline().strip()

    def _stop(self) -> None:
        self._tell(gateway.stop, run=UUID(self._run))

    def _tell(self, verb: Any, **what: Any) -> None:  # noqa: ANN401  (one of the gateway's)
        try:
            verb(self._thread, actor=self._actor, **what)
        except ChatError as error:  # somebody else was faster, elsewhere
            self._note(str(error))


@contextmanager
def _frames(thread: Thread, *, after: int) -> Iterator["queue.Queue[Frame]"]:
    """Give what the thread's feed tells, for as long as the block lasts."""
    told: queue.Queue[Frame] = queue.Queue()

    async def write(frame: Frame) -> None:
        told.put(frame)

    async def feed() -> None:
        async with Feed(thread, after=after, html=False, write=write) as feeding:
            await feeding.run()

    feeding = loop.submit(feed())
    try:
        yield told
    finally:
        feeding.cancel()
        loop.wait(_closed())


async def _closed() -> None:
    await asyncio.wait_for(live.hub().close(), timeout=2)


def _thread(user: User, options: dict[str, Any]) -> Thread:
    """Return the thread to talk in."""
    if options["thread"] is None:
        return gateway.start(owner=user, agent=options["agent"], actor=f"user:{user.pk}")
    try:
        return selectors.thread_for(user, UUID(options["thread"]))
    except ValueError as error:
        msg = f"{options['thread']!r} is no thread."
        raise CommandError(msg) from error
