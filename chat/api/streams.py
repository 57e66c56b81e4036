"""`/threads/{id}/events` and `/threads/{id}/stream`: what has happened, and what happens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any
from uuid import UUID

import structlog
from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Header, Query, Router, Schema

from chat import frames, selectors
from chat.api.access import caller
from chat.feed import Feed
from chat.frames import Frame
from chat.models import Thread
from tracer.log import read

STILL_THERE_SECONDS = 15.0
PENDING_FRAMES = 50
MOST = 1_000

STREAM = {
    "responses": {200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
}

router = Router(tags=["events"])
logger = structlog.get_logger(__name__)


class EventOut(Schema):
    """One event of a thread's stream."""

    seq: int
    kind: str
    at: datetime
    correlation_id: UUID | None
    actor: str
    duration_ms: int | None
    data: dict[str, Any]


@router.get("/threads/{uuid:thread_id}/events", response=list[EventOut])
def list_events(
    request: HttpRequest,
    thread_id: UUID,
    *,
    after: Annotated[int, Query(ge=0, lt=10**frames.MOST_DIGITS)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 200,
) -> list[dict[str, Any]]:
    """The events behind `after`, in order. Go on with the last one's `seq`."""
    thread = selectors.thread_for(caller(request), thread_id)
    return [frames.event(entry) for entry in islice(read(thread.stream, after), limit)]


@router.get("/threads/{uuid:thread_id}/stream", response={200: None}, openapi_extra=STREAM)
def stream_events(
    request: HttpRequest,
    thread_id: UUID,
    *,
    after: Annotated[int, Query(ge=0, lt=10**frames.MOST_DIGITS)] = 0,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> StreamingHttpResponse:
    """Server-sent events: every event behind `after`, then what happens, with the growing text.

    The frames are those of the thread's socket; the `id` of an event is its `seq`. A client that
    comes back with `Last-Event-ID` misses nothing and gets nothing twice.
    """
    thread = selectors.thread_for(caller(request), thread_id)
    begin = after if last_event_id is None else frames.seq(last_event_id, name="Last-Event-ID")
    response = StreamingHttpResponse(
        _written(thread, after=begin), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _written(thread: Thread, *, after: int) -> AsyncIterator[bytes]:
    """Yield the frames of a thread's feed as server-sent events, for as long as somebody reads."""
    waiting: asyncio.Queue[Frame] = asyncio.Queue(PENDING_FRAMES)

    async def write(frame: Frame) -> None:
        async with asyncio.timeout(settings.SLOW_CLIENT_SECONDS):
            await waiting.put(frame)

    async def tell() -> None:
        async with Feed(thread, after=after, html=False, write=write) as feed:
            await feed.run()

    telling = asyncio.create_task(tell())
    try:
        while not (telling.done() and waiting.empty()):
            try:
                frame = await asyncio.wait_for(waiting.get(), _patience(telling))
            except TimeoutError:
                yield b": still there\n\n"
            else:
                yield _event(frame)
    finally:
        telling.cancel()
        (ended,) = await asyncio.gather(telling, return_exceptions=True)
        if isinstance(ended, Exception):  # the client comes back and goes on where it was
            logger.warning("stream_ended", thread=str(thread.id), error=str(ended))


def _patience(telling: "asyncio.Task[None]") -> float:
    return 0.01 if telling.done() else STILL_THERE_SECONDS


def _event(frame: Frame) -> bytes:
    number = f"id: {frame['seq']}\n" if frame["type"] == "event" else ""
    return f"{number}event: {frame['type']}\ndata: {frames.encode(frame)}\n\n".encode()
