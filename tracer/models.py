"""Rows of the stream."""

from typing import Any, NoReturn
from uuid import uuid4

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from typing_extensions import override

from tracer.errors import ImmutableEvent


class Stream(models.Model):
    """A stream's name and the number of its last event. Its row is the stream's lock."""

    name = models.CharField(max_length=200, primary_key=True)
    last_seq = models.PositiveBigIntegerField(default=0)

    @override
    def __str__(self) -> str:
        return self.name


class ImmutableQuerySet(models.QuerySet["TraceEvent"]):
    """A queryset that reads and inserts, and refuses everything else."""

    @override
    def update(self, **kwargs: Any) -> NoReturn:
        raise ImmutableEvent

    @override
    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableEvent

    @override
    def delete(self) -> NoReturn:
        raise ImmutableEvent


class TraceEvent(models.Model):
    """One event as it is stored. A trigger in the database refuses changes, too."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    stream = models.CharField(max_length=200)
    seq = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=60)
    correlation_id = models.UUIDField(null=True)
    causation_id = models.UUIDField(null=True)
    actor = models.CharField(max_length=200, default="", blank=True)
    data = models.JSONField(encoder=DjangoJSONEncoder)
    duration_ms = models.PositiveIntegerField(null=True)
    at = models.DateTimeField()

    objects = ImmutableQuerySet.as_manager()

    class Meta:
        ordering = ["stream", "seq"]
        verbose_name = "event"
        constraints = [
            models.UniqueConstraint(fields=["stream", "seq"], name="one_event_per_place"),
        ]
        indexes = [
            models.Index(fields=["correlation_id", "kind"], name="event_by_correlation"),
            models.Index(fields=["kind", "at"], name="event_by_kind"),
            models.Index(fields=["-at"], name="event_by_time"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.stream} {self.seq} {self.kind}"

    @override
    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableEvent
        super().save(*args, **kwargs)

    @override
    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImmutableEvent


class Label(models.Model):
    """What a person noted beside an event. The event itself stays as it is."""

    event = models.OneToOneField(
        TraceEvent, on_delete=models.PROTECT, primary_key=True, related_name="label"
    )
    label = models.CharField(max_length=100, blank=True)
    note = models.TextField(blank=True)

    @override
    def __str__(self) -> str:
        return self.label or self.note[:40]
