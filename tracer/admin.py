"""The stream in the admin: read-only, but for a label and a note kept beside an event."""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from typing_extensions import override
from unfold.admin import ModelAdmin, StackedInline

from tracer.models import Label, TraceEvent


class LabelInline(StackedInline):
    """What a person notes beside an event."""

    model = Label
    extra = 1
    max_num = 1
    verbose_name_plural = "label and note"


@admin.register(TraceEvent)
class TraceEventAdmin(ModelAdmin):
    """Events, newest first. They can't be added, changed or deleted."""

    list_display = ["at", "stream", "seq", "kind", "actor", "duration_ms", "noted"]
    list_filter = ["kind"]
    search_fields = ["stream", "kind", "=correlation_id", "actor", "label__label", "label__note"]
    ordering = ["-at", "-seq"]
    list_select_related = ["label"]
    list_per_page = 50
    show_full_result_count = False
    fields = [
        "stream",
        "seq",
        "kind",
        "at",
        "actor",
        "correlation_id",
        "causation_id",
        "duration_ms",
        "content",
    ]
    readonly_fields = fields
    inlines = [LabelInline]

    @admin.display(description="label")
    def noted(self, event: TraceEvent) -> str:
        """Show the label that stands beside an event."""
        return event.label.label if hasattr(event, "label") else ""

    @admin.display(description="data")
    def content(self, event: TraceEvent) -> str:
        """Show an event's data, as text."""
        return json.dumps(event.data, indent=2, ensure_ascii=False)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: TraceEvent | None = None) -> bool:
        return False

    @override
    def save_model(self, request: HttpRequest, obj: TraceEvent, form: Any, change: bool) -> None:
        """Leave the event as it is; its label is saved by the inline."""
