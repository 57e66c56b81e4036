"""Hear from a model while it goes on working."""

from common import broker, model
from typing_extensions import override

from agents.events import NoticeTold
from agents.llm import TextSink
from agents.messages import Turn
from agents.recording import MemoryRecorder
from agents.runner import Job, run
from agents.tools import ToolContext
from agents.tools.builtin.person import tell_user
from agents.tools.collection import Registry
from tracer.events import Event


class Listening(MemoryRecorder):
    """Prints what the agent tells, as it comes."""

    @override
    def record(self, event: Event, *, duration_ms: int | None = None) -> None:
        """Take an event."""
        super().record(event, duration_ms=duration_ms)
        if isinstance(event, NoticeTold):
            print(f"told: {event.content}")


question = 'Work, and tell me how far you are: tell_user({"message": "Half of it is done."})'
job = Job(
    model=model(__doc__),
    turns=[Turn(role="user", content=question)],
    tools=Registry([tell_user]),
)
reply = run(job, broker=broker(), context=ToolContext(), recorder=Listening(), sink=TextSink())
print(reply.content)
