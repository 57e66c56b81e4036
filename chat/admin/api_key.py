"""API keys in the admin: seen and revoked, never read."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override
from unfold.admin import ModelAdmin

from chat.models import ApiKey


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    """API keys. `manage.py apikey create NAME` makes one."""

    list_display = ["name", "prefix", "user", "created_at", "revoked_at"]
    list_filter = ["user"]
    search_fields = ["name", "prefix"]
    fields = ["name", "user", "prefix", "created_at", "revoked_at"]
    readonly_fields = ["user", "prefix", "created_at", "revoked_at"]
    actions = ["revoke"]

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """Have keys refused from now on."""
        keys.filter(revoked_at=None).update(revoked_at=timezone.now())

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
