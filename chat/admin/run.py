"""Runs in the admin."""

import json

from django.contrib import admin
from django.http import HttpRequest
from typing_extensions import override

from chat.admin.projection import ProjectionAdmin
from chat.models import Run


@admin.register(Run)
class RunAdmin(ProjectionAdmin):
    """Runs, read-only."""

    list_display = ["id", "agent", "state", "attempt", "thread", "queued_at", "finished_at"]
    list_filter = ["state", "agent"]
    list_select_related = ["thread"]
    search_fields = ["=id", "=thread__id", "agent"]
    date_hierarchy = "queued_at"
    fields = [
        "id",
        "thread",
        "agent",
        "state",
        "attempt",
        "message_id",
        "answer_id",
        "queued_at",
        "started_at",
        "finished_at",
        "tokens",
        "problem",
    ]
    readonly_fields = fields

    @admin.display(description="usage")
    def tokens(self, run: Run) -> str:
        """Show what the run used."""
        return json.dumps(run.usage) if run.usage else "unknown"

    @admin.display(description="error")
    def problem(self, run: Run) -> str:
        """Show why the run has failed."""
        return str(run.error["detail"]) if run.error else "none"

    @override
    def has_change_permission(self, request: HttpRequest, obj: Run | None = None) -> bool:
        return False
