"""Messages in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from typing_extensions import override

from chat import gateway
from chat.admin.projection import ProjectionAdmin
from chat.errors import ChatError
from chat.gateway.content import check_content
from chat.models import Message


class MessageForm(forms.ModelForm[Message]):
    """What may be changed about a message."""

    class Meta:
        model = Message
        fields = ["content"]

    def clean_content(self) -> str:
        """Refuse what the gateway would refuse, beside the field."""
        content = str(self.cleaned_data["content"])
        try:
            check_content(content)
        except ChatError as error:
            raise forms.ValidationError(str(error)) from error
        return content


@admin.register(Message)
class MessageAdmin(ProjectionAdmin):
    """Messages. An edit is appended as an event; the old text stays in the stream."""

    form = MessageForm
    list_display = ["excerpt", "role", "agent", "thread", "channel", "finish", "created_at"]
    list_filter = ["role", "agent", "channel", "finish"]
    list_select_related = ["thread"]
    search_fields = ["content", "=id", "=thread__id"]
    date_hierarchy = "created_at"
    readonly_fields = [
        "id",
        "thread",
        "parent_id",
        "role",
        "agent",
        "run_id",
        "channel",
        "sender",
        "finish",
        "created_at",
        "edited_at",
    ]

    @admin.display(description="content")
    def excerpt(self, message: Message) -> str:
        """Show how a message begins."""
        return message.content[:80] or "(empty)"

    @override
    def save_model(self, request: HttpRequest, obj: Message, form: Any, change: bool) -> None:
        gateway.edit(self.stored(obj), content=obj.content, actor=self.actor(request))
