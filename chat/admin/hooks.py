"""Webhooks and incoming hooks in the admin, with the log of what was delivered."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override
from unfold.admin import ModelAdmin

from agents import vault
from chat import tasks
from chat.admin.shown_once import ShownOnceAdmin
from chat.models import Delivery, Hook, Webhook
from tracer.events import kinds


class OwnedAdmin(ShownOnceAdmin):
    """Rows whose secret is kept, so that it can be signed with."""

    @override
    def new_secret(self, row: Any) -> str:
        secret = vault.signing_secret()
        row.secret = vault.close(secret)
        return secret

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> list[str]:
        return ["owner", *self.readonly_fields] if obj else []

    @override
    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "owner": request.user.pk}


class WebhookForm(forms.ModelForm[Webhook]):
    """A webhook, with the kinds of events as checkboxes."""

    kinds = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, help_text="Which events it is told of."
    )

    class Meta:
        model = Webhook
        fields = ["name", "owner", "url", "kinds", "active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kinds"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  (for the type checker)
        field.choices = [(kind, kind) for kind in kinds()]


@admin.register(Webhook)
class WebhookAdmin(OwnedAdmin):
    """Addresses that are told of events."""

    form = WebhookForm
    told = "Messages are signed with this secret (Standard Webhooks)."
    list_display = ["name", "url", "owner", "active", "problem"]
    list_filter = ["active", "owner"]
    search_fields = ["name", "url"]
    readonly_fields = ["problem", "created_at"]

    @override
    def get_fields(self, request: HttpRequest, obj: Webhook | None = None) -> list[str]:
        return [*WebhookForm.Meta.fields, *(self.readonly_fields if obj else [])]


@admin.register(Hook)
class HookAdmin(OwnedAdmin):
    """Topics that other programs publish to."""

    told = "Programs sign with this secret, or send it as a bearer token."
    list_display = ["topic", "owner", "active", "last_received_at"]
    list_filter = ["active", "owner"]
    search_fields = ["topic"]
    readonly_fields = ["topic", "created_at", "last_received_at"]

    @override
    def get_fields(self, request: HttpRequest, obj: Hook | None = None) -> list[str]:
        seen = ["created_at", "last_received_at"] if obj else []
        return ["topic", "owner", "active", *seen]


@admin.register(Delivery)
class DeliveryAdmin(ModelAdmin):
    """What webhooks were told, and what came back."""

    list_display = ["created_at", "webhook", "kind", "state", "attempts", "status", "next_at"]
    list_filter = ["state", "webhook", "kind"]
    search_fields = ["stream", "told"]
    list_select_related = ["webhook"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["send_again"]
    fields = [
        "webhook",
        "kind",
        "stream",
        "seq",
        "state",
        "attempts",
        "status",
        "told",
        "created_at",
        "next_at",
        "finished_at",
    ]
    readonly_fields = fields

    @admin.action(description="Send again", permissions=["change"])
    def send_again(self, request: HttpRequest, deliveries: QuerySet[Delivery]) -> None:
        """Begin anew with deliveries, also with those that had been taken."""
        waiting = Delivery.State.WAITING
        chosen = list(deliveries.values_list("id", flat=True))
        Delivery.objects.filter(id__in=chosen).update(
            state=waiting, attempts=0, next_at=timezone.now(), finished_at=None
        )
        for each in chosen:
            tasks.deliver.delay(delivery_id=str(each))

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        user = request.user
        return found if user.is_superuser else found.filter(webhook__owner_id=user.pk)

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
