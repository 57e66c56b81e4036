"""What is told to other programs as it happens, and what they may tell us."""

from uuid import uuid4

from django.conf import settings
from django.core.validators import RegexValidator, URLValidator
from django.db import models
from django.utils import timezone
from typing_extensions import override

TOPIC = r"^[a-z0-9][a-z0-9._-]{0,99}$"


class Webhook(models.Model):
    """An address that is told of one person's events. The secret is kept unreadable."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    name = models.CharField(max_length=100)
    url = models.CharField(
        "address",
        max_length=1_000,
        validators=[URLValidator(["http", "https"])],
        help_text="On the public network, or on one of PRIVATE_NETWORKS.",
    )
    kinds = models.JSONField(default=list)
    secret = models.TextField(editable=False)
    active = models.BooleanField(default=True)
    problem = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]

    @override
    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """That a webhook is told of an event: when it was tried, and what came back."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    stream = models.CharField(max_length=200)
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    status = models.PositiveSmallIntegerField(null=True)
    told = models.TextField("what came back", blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["state", "next_at"], name="delivery_due"),
            models.Index(fields=["webhook", "-created_at"], name="delivery_by_webhook"),
            models.Index(fields=["finished_at"], name="delivery_by_end"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.kind}, {self.state}"


class Hook(models.Model):
    """A topic that another program may publish to, with a secret. It is kept unreadable."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="hooks"
    )
    topic = models.CharField(
        max_length=100,
        unique=True,
        validators=[RegexValidator(TOPIC, "Small letters, digits, dots, hyphens.")],
        help_text="Programs post to /api/v1/hooks/<topic>.",
    )
    secret = models.TextField(editable=False)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_received_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["topic"]
        verbose_name = "incoming hook"

    @override
    def __str__(self) -> str:
        return self.topic


class Received(models.Model):
    """That something has come in already: it is not taken twice."""

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=150)
    delivery = models.CharField(max_length=200)
    event = models.UUIDField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "received"
        constraints = [
            models.UniqueConstraint(fields=["topic", "delivery"], name="one_event_per_delivery")
        ]
        indexes = [models.Index(fields=["received_at"], name="received_by_time")]

    @override
    def __str__(self) -> str:
        return f"{self.topic} {self.delivery}"
