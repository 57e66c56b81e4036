"""What the admin of every folded row has in common: it is never added or deleted by hand."""

from typing import Any, TypeVar

from django.db import models
from django.http import HttpRequest
from typing_extensions import override
from unfold.admin import ModelAdmin

Row = TypeVar("Row", bound=models.Model)


class ProjectionAdmin(ModelAdmin):
    """Rows that are folded from the stream."""

    list_per_page = 50
    show_full_result_count = False

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def actor(self, request: HttpRequest) -> str:
        """Return who is at work, the way events name them."""
        return f"user:{request.user.pk}"

    def stored(self, row: Row) -> Row:
        """Return the row as it stands, without what the form has changed."""
        found: Row = type(row)._default_manager.get(pk=row.pk)  # noqa: SLF001  (Django's own name)
        return found
