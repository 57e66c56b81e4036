"""Telling other programs what has happened: each event that a webhook wants, until it was taken.

A delivery is written down with its event, in one transaction; nothing is lost where a process
dies. It is sent at least once: the other side knows a message that it has had by its id.
"""

import json
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from agents import loop, vault
from agents.errors import ToolError
from agents.tools.guard import Guard
from chat import signatures
from chat.events import PREFIX, ThreadDeleted
from chat.models import Delivery, Thread, Webhook
from tracer.events import Purged, Recorded
from tracer.log import read

FIRST_SECONDS = 5
MOST_ATTEMPTS = 9  # after 5 s, 25 s, 2 min, 10 min, 52 min, then every 4 h: half a day
LONGEST_SECONDS = 4 * 3600
ATTEMPT_SECONDS = 15.0
CLAIMED = timedelta(seconds=60)
MOST_TOLD = 500
MOST_AT_ONCE = 32  # of a worker
MOST_DUE = 200  # of a look, every five seconds
KEPT = timedelta(days=30)
GONE = 410
GOOD = range(200, 300)

room = threading.BoundedSemaphore(MOST_AT_ONCE)

logger = structlog.get_logger(__name__)


def note(recorded: Sequence[Recorded]) -> None:
    """Write down who is to be told of these events; in their transaction, sent after it."""
    if not _anybody_listens():
        return
    webhooks = list(Webhook.objects.filter(active=True))
    made: list[Delivery] = []
    for entry in recorded:
        wanted = [each for each in webhooks if entry.kind in each.kinds]
        if wanted and (owner := _owner(entry)) is not None:
            made += [
                Delivery(webhook=each, stream=entry.stream, seq=entry.seq, kind=entry.kind)
                for each in wanted
                if each.owner_id == owner
            ]
    if made:
        Delivery.objects.bulk_create(made)
        transaction.on_commit(partial(_send_soon, [each.id for each in made]), robust=True)


def _anybody_listens() -> bool:
    """Tell whether there is an active webhook. Asked at each append, so it is asked quickly."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM chat_webhook WHERE active LIMIT 1")
        return cursor.fetchone() is not None


def _owner(entry: Recorded) -> int | None:
    """Return whose event this is."""
    if isinstance(entry.event, ThreadDeleted):
        return entry.event.owner
    kind, _, rest = entry.stream.partition(":")
    if entry.stream.startswith(PREFIX):
        found = Thread.objects.filter(id=rest).values_list("owner_id", flat=True).first()
        return int(found) if found is not None else None
    owner = rest.partition(":")[0]
    return int(owner) if kind in {"topic", "completion"} and owner.isdecimal() else None


def _send_soon(deliveries: Iterable[UUID]) -> None:
    for each in deliveries:  # by its name: a task is above what it does
        current_app.send_task("chat.tasks.deliver", kwargs={"delivery_id": str(each)})


def due() -> list[UUID]:
    """Return the deliveries whose time has come."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, next_at__lte=timezone.now())
    return list(waiting.order_by("next_at").values_list("id", flat=True)[:MOST_DUE])


def forget_old() -> None:
    """Delete the log of deliveries that ended long ago."""
    old = Delivery.objects.filter(finished_at__lt=timezone.now() - KEPT)
    if old.exists():  # (to delete nothing would take the database's lock as well)
        old.delete()


def send(delivery_id: UUID) -> None:
    """Make one attempt at a delivery, if it is due, nobody else is at it, and there is room.

    One that has no room stays due. Programs that don't answer hold a thread of the worker each,
    and must not hold all of them: conversations need some.
    """
    if not room.acquire(blocking=False):
        return
    try:
        _send(delivery_id)
    finally:
        room.release()


def _send(delivery_id: UUID) -> None:
    now = timezone.now()
    claimed = Delivery.objects.filter(
        id=delivery_id, state=Delivery.State.WAITING, next_at__lte=now
    ).update(next_at=now + CLAIMED)
    if claimed != 1:
        return
    delivery = Delivery.objects.select_related("webhook").get(id=delivery_id)
    delivery.attempts += 1
    if not delivery.webhook.active:
        _end(delivery, Delivery.State.FAILED, "The webhook is switched off.")
        return
    try:
        body = _body(delivery)
        secret = vault.open_(delivery.webhook.secret)
    except (LookupError, vault.Unreadable) as error:
        _end(delivery, Delivery.State.FAILED, str(error))
        return
    _attempt(delivery, body, secret)


def _attempt(delivery: Delivery, body: bytes, secret: str) -> None:
    proof = signatures.headers(secret, message_id=str(delivery.id), at=int(time.time()), body=body)
    guard = Guard(
        networks=tuple(settings.PRIVATE_NETWORKS), seconds=ATTEMPT_SECONDS, most_bytes=10_000
    )
    sending = guard.post(
        delivery.webhook.url, body, headers={"Content-Type": "application/json", **proof}
    )
    try:
        answer = loop.wait(sending)
    except ToolError as error:
        delivery.status = None
        _try_again(delivery, str(error))
        return
    delivery.status = answer.status
    told = answer.body.decode(errors="replace").replace("\x00", "")
    if answer.status in GOOD:
        _end(delivery, Delivery.State.SENT, told)
    elif answer.status == GONE:
        _end(delivery, Delivery.State.FAILED, told)
        problem = "It said that it is gone (410), and was switched off."
        Webhook.objects.filter(id=delivery.webhook_id).update(active=False, problem=problem)
    else:
        _try_again(delivery, told)


def _body(delivery: Delivery) -> bytes:
    """Return what is sent of an event.

    Raises:
        LookupError: It was deleted meanwhile.
    """
    entry = next(read(delivery.stream, delivery.seq - 1, until=delivery.seq), None)
    if entry is None or isinstance(entry.event, Purged):
        msg = "What happened was deleted meanwhile."
        raise LookupError(msg)
    content = {
        "type": entry.kind,
        "timestamp": entry.at.isoformat(),
        "data": {
            "id": str(entry.id),
            "stream": entry.stream,
            "seq": entry.seq,
            "kind": entry.kind,
            "at": entry.at.isoformat(),
            "actor": entry.actor,
            "correlation_id": str(entry.correlation_id) if entry.correlation_id else None,
            "duration_ms": entry.duration_ms,
            "data": entry.event.payload(),
        },
    }
    return json.dumps(content, ensure_ascii=False).encode()


def _try_again(delivery: Delivery, told: str) -> None:
    if delivery.attempts >= MOST_ATTEMPTS:
        _end(delivery, Delivery.State.FAILED, told)
        return
    wait = min(FIRST_SECONDS * 5 ** (delivery.attempts - 1), LONGEST_SECONDS)
    delivery.next_at = timezone.now() + timedelta(seconds=wait)
    delivery.told = told[:MOST_TOLD]
    delivery.save()


def _end(delivery: Delivery, state: Delivery.State, told: str) -> None:
    delivery.state, delivery.told = state, told[:MOST_TOLD]
    delivery.finished_at = timezone.now()
    delivery.save()
    if state == Delivery.State.FAILED:
        logger.warning("webhook_failed", webhook=str(delivery.webhook_id), told=told)
