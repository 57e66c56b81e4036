"""`/hooks/{topic}`: events from other programs; `/webhooks`: ours, to them."""

import hashlib
import hmac
import json
import time
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Path, Router, Schema, Status
from ninja.pagination import paginate

from agents import vault
from agents.paging import CursorPages
from chat import credentials, gateway, selectors, signatures
from chat.api.access import MANAGE, caller
from chat.errors import BadRequest, NoSuchWebhook, Unauthorized
from chat.models import Delivery, Hook, Webhook
from chat.models.hooks import TOPIC
from tracer.events import kinds

MOST_WEBHOOKS = 50
DELIVERY_HEADERS = ("webhook-id", "x-github-delivery", "idempotency-key")

router = Router(tags=["webhooks"])
incoming = Router(tags=["webhooks"])

Topic = Annotated[str, Path(pattern=TOPIC, examples=["deploys"])]
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {}}, "text/plain": {"schema": {}}},
    },
    "security": [{"BearerKey": []}],
}


class TakenOut(Schema):
    """The event that was taken in."""

    event: UUID


class WebhookIn(Schema):
    """An address to be told of events."""

    name: str = Field(min_length=1, max_length=100, examples=["The team's channel"])
    url: str = Field(max_length=1_000, examples=["https://hooks.example.org/parley"])
    kinds: list[str] = Field(min_length=1, max_length=100, examples=[["run.completed"]])


class WebhookOut(Schema):
    """A webhook. Its secret was told when it was made."""

    id: UUID
    name: str
    url: str
    kinds: list[str]
    active: bool
    problem: str
    created_at: datetime


class NewWebhookOut(WebhookOut):
    """A webhook that was made, with the secret that it signs with: this is the only time."""

    secret: str


class DeliveryOut(Schema):
    """How telling a webhook of an event goes."""

    id: UUID
    stream: str
    seq: int
    kind: str
    state: str
    attempts: int
    status: int | None
    told: str
    next_at: datetime
    created_at: datetime
    finished_at: datetime | None


@incoming.post("/hooks/{topic}", response={202: TakenOut}, auth=None, openapi_extra=BODY)
def receive_hook(request: HttpRequest, topic: Topic) -> Status[dict[str, UUID]]:
    """Publish something to a topic, from another program.

    With the topic's secret: signed (Standard Webhooks, or `X-Hub-Signature-256`), or sent as a
    bearer token. Or with an API key that may `chat`: then the topic is its person's, and need not
    be set up. The same delivery id twice is one event.
    """
    body = request.body
    if len(body) > settings.HOOK_MAX_BYTES:
        msg = f"There are {len(body):,} bytes; the limit is {settings.HOOK_MAX_BYTES:,}."
        raise BadRequest(msg, code="too_long")
    owner = _sender(request, topic, body)
    event = gateway.publish(
        owner=owner,
        topic=topic,
        delivery=_delivery(request, body),
        content_type=request.content_type or "",
        body=_content(body),
        actor=f"hook:{topic}",
    )
    return Status(202, {"event": event})


def _sender(request: HttpRequest, topic: str, body: bytes) -> int:
    """Return whose topic is published to, if the sender may.

    Raises:
        Unauthorized: There is no such topic, or the sender does not have its secret.
    """
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if token.startswith(credentials.KEY_PREFIX):
        credentials.check_rate(token)
        return credentials.person(token, "chat").pk
    hook = Hook.objects.filter(topic=topic, active=True, owner__is_active=True).first()
    if hook is None:
        raise Unauthorized
    secret = vault.open_(hook.secret)
    if not (
        (token and hmac.compare_digest(token.encode(), secret.encode()))
        or signatures.proves(secret, request.headers, body, now=time.time())
        or signatures.proves_plainly(secret, request.headers, body)
    ):
        raise Unauthorized
    Hook.objects.filter(pk=hook.pk).update(last_received_at=timezone.now())
    return hook.owner_id


def _delivery(request: HttpRequest, body: bytes) -> str:
    """Return the sender's id of what it sends; without one, what the same body has in common."""
    for name in DELIVERY_HEADERS:
        if given := request.headers.get(name):
            return given[:200]
    if "x-hub-signature-256" in request.headers:  # anybody could send it again
        return f"body:{hashlib.sha256(body).hexdigest()}"
    return f"at:{time.time_ns()}"


def _content(body: bytes) -> Any:  # noqa: ANN401  (whatever JSON there is)
    text = body.decode(errors="replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


@router.get("/webhooks", response=list[WebhookOut])
@paginate(CursorPages, order=("created_at", "id"))
def list_webhooks(request: HttpRequest) -> QuerySet[Webhook]:
    """Your webhooks."""
    return selectors.webhooks_of(caller(request))


@router.post("/webhooks", response={201: NewWebhookOut}, auth=MANAGE)
def create_webhook(request: HttpRequest, payload: WebhookIn) -> Status[dict[str, Any]]:
    """Have an address told of events. It answers with the secret that messages are signed with."""
    if unknown := set(payload.kinds) - set(kinds()):
        msg = f"There is no event of the kind {min(unknown)!r}."
        raise BadRequest(msg, code="no_such_kind")
    if selectors.webhooks_of(caller(request)).count() >= MOST_WEBHOOKS:
        msg = f"You have {MOST_WEBHOOKS} webhooks already. Delete one first."
        raise BadRequest(msg, code="too_many_webhooks")
    secret = vault.signing_secret()
    made = Webhook(owner=caller(request), secret=vault.close(secret), **payload.model_dump())
    try:
        made.full_clean()
    except ValidationError as error:
        told = "; ".join(f"{name}: {' '.join(each)}" for name, each in error.message_dict.items())
        raise BadRequest(told, code="invalid") from error
    made.save()
    shown = {name: getattr(made, name) for name in WebhookOut.model_fields}
    return Status(201, shown | {"secret": secret})


@router.delete("/webhooks/{uuid:webhook_id}", response={204: None}, auth=MANAGE)
def delete_webhook(request: HttpRequest, webhook_id: UUID) -> Status[None]:
    """Have an address told no more."""
    _webhook(request, webhook_id).delete()
    return Status(204, None)


@router.get("/webhooks/{uuid:webhook_id}/deliveries", response=list[DeliveryOut])
@paginate(CursorPages, order=("-created_at", "-id"))
def list_deliveries(request: HttpRequest, webhook_id: UUID) -> QuerySet[Delivery]:
    """What a webhook was told of, the newest first."""
    return Delivery.objects.filter(webhook=_webhook(request, webhook_id))


def _webhook(request: HttpRequest, webhook_id: UUID) -> Webhook:
    found = selectors.webhooks_of(caller(request)).filter(id=webhook_id).first()
    if found is None:
        raise NoSuchWebhook
    return found
