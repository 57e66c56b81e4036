"""What other programs publish, taken in once."""

from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from pydantic import JsonValue

from agents.text import clean_json
from chat.events import HookReceived, topic_stream
from chat.gateway.door import verb
from chat.models import Received
from tracer.log import append

REMEMBERED = timedelta(days=7)


@verb
def publish(
    *, owner: int, topic: str, delivery: str, content_type: str, body: JsonValue, actor: str
) -> UUID:
    """Take in what a program publishes to a topic. The same delivery twice is one event.

    Args:
        owner: Whose topic it is.
        topic: Which one.
        delivery: The sender's own id of it.
        content_type: What the sender says that it is.
        body: What was sent.
        actor: Who does it.

    Returns:
        The event's id.
    """
    stream = topic_stream(owner, topic)
    event = HookReceived(
        topic=topic, delivery=delivery, content_type=content_type, body=clean_json(body)
    )
    Received.objects.filter(received_at__lt=timezone.now() - REMEMBERED).delete()
    try:
        with transaction.atomic():
            (entry,) = append(stream, event, actor=actor)
            Received.objects.create(topic=stream, delivery=delivery, event=entry.id)
    except IntegrityError:
        return Received.objects.get(topic=stream, delivery=delivery).event
    return entry.id
