"""API keys in the admin: made, seen and revoked; read only once."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override

from chat import credentials
from chat.admin.shown_once import ShownOnceAdmin
from chat.models import ApiKey


class ApiKeyForm(forms.ModelForm[ApiKey]):
    """A key, with what it may do as checkboxes."""

    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[ApiKey.Scope.READ, ApiKey.Scope.CHAT],
        help_text="What it may do. “chat” and “manage” include “read”.",
    )

    class Meta:
        model = ApiKey
        fields = ["name", "user", "scopes", "per_minute", "expires_at"]


@admin.register(ApiKey)
class ApiKeyAdmin(ShownOnceAdmin):
    """API keys."""

    form = ApiKeyForm
    person = "user"
    told = "Programs send this key as a bearer token."
    list_display = [
        "name",
        "prefix",
        "user",
        "scope_names",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    ]
    list_filter = ["user"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]
    seen = ["prefix", "created_at", "last_used_at", "revoked_at"]

    @admin.display(description="scopes")
    def scope_names(self, key: ApiKey) -> str:
        """List what the key may do."""
        return ", ".join(key.scopes)

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """Have keys refused from now on."""
        keys.filter(revoked_at=None).update(revoked_at=timezone.now())

    @override
    def new_secret(self, row: ApiKey) -> str:
        return credentials.give_secret(row)

    @override
    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return [*ApiKeyForm.Meta.fields, *(self.seen if obj else [])]

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return ["user", *self.seen] if obj else []

    @override
    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "user": request.user.pk}
