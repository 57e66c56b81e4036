"""Answers from a folder: recorded once from a real model, then given again without it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from typing_extensions import override

from agents.errors import LLMError
from agents.llm.request import Provider, Request, Sink
from agents.llm.wire import payload
from agents.messages import Reply

PIECE = 20  # characters


class Replay(Provider):
    """Gives recorded replies, a JSON file each, and refuses what it has not seen."""

    def __init__(self, folder: Path) -> None:
        """Make a provider that replays.

        Args:
            folder: Where the recordings are.
        """
        self._folder = folder

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        file = self._folder / name_of(request)
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            sentence = (
                f"{self._folder} has no recording of this call to {request.model} "
                f"({file.name}). Record it, or ask what was recorded."
            )
            raise LLMError(sentence, code="not_recorded") from None
        reply = Reply.model_validate(held["reply"])
        for start in range(0, len(reply.thinking), PIECE):
            sink.think(reply.thinking[start : start + PIECE], start)
        for start in range(0, len(reply.content), PIECE):
            sink.add(reply.content[start : start + PIECE])
        return reply


class Record(Provider):
    """Asks another provider and keeps what it says; a call that is recorded is not made again."""

    def __init__(self, folder: Path, provider: Provider) -> None:
        """Make a provider that records.

        Args:
            folder: Where the recordings go; it is made if it is not there.
            provider: Who is asked.
        """
        self._folder = folder
        self._provider = provider
        self._replay = Replay(folder)

    @override
    async def stream(self, request: Request, sink: Sink) -> Reply:
        file = self._folder / name_of(request)
        if file.exists():
            return await self._replay.stream(request, sink)
        reply = await self._provider.stream(request, sink)
        self._folder.mkdir(parents=True, exist_ok=True)
        held = {"request": _plain(request), "reply": reply.model_dump(mode="json")}
        file.write_text(json.dumps(held, ensure_ascii=False, indent=1), encoding="utf-8")
        return reply


def name_of(request: Request) -> str:
    """Return the file's name of a call: by all that it says, so that another call has another."""
    written = json.dumps(_plain(request), sort_keys=True, ensure_ascii=False)
    return f"{hashlib.sha256(written.encode()).hexdigest()[:24]}.json"


def _plain(request: Request) -> dict[str, Any]:
    return payload(request)
