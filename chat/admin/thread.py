"""Threads in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from typing_extensions import override

from agents import selectors as agents
from chat import gateway
from chat.admin.projection import ProjectionAdmin
from chat.gateway.threads import MAX_TITLE
from chat.models import Thread


class ThreadForm(forms.ModelForm[Thread]):
    """What may be changed about a thread."""

    title = forms.CharField(max_length=MAX_TITLE, required=False)
    agent = forms.ChoiceField(help_text="Who answers, unless a message asks somebody else.")

    class Meta:
        model = Thread
        fields = ["title", "agent", "state"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {agent.slug: str(agent) for agent in agents.active_agents()}
        choices.setdefault(self.instance.agent, f"{self.instance.agent} (switched off)")
        field = self.fields["agent"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = list(choices.items())

    def clean_title(self) -> str:
        """A title can be changed, but not taken away."""
        title = str(self.cleaned_data["title"])
        if self.instance.title and not title.strip():
            msg = "The title is empty."
            raise forms.ValidationError(msg)
        return title


@admin.register(Thread)
class ThreadAdmin(ProjectionAdmin):
    """Threads. Each change is appended as an event."""

    form = ThreadForm
    list_display = ["__str__", "owner", "agent", "state", "updated_at"]
    list_filter = ["state", "agent", "owner"]
    search_fields = ["title", "=id"]
    date_hierarchy = "updated_at"
    readonly_fields = ["id", "owner", "head", "started_at", "updated_at"]
    actions = ["archive_selected", "restore_selected"]

    @override
    def save_model(self, request: HttpRequest, obj: Thread, form: Any, change: bool) -> None:
        stored = self.stored(obj)
        actor = self.actor(request)
        if obj.title != stored.title:
            gateway.rename(stored, title=obj.title, actor=actor)
        if obj.agent != stored.agent:
            gateway.change_agent(stored, agent=obj.agent, actor=actor)
        if obj.state == Thread.State.ARCHIVED:
            gateway.archive(stored, actor=actor)
        else:
            gateway.restore(stored, actor=actor)

    @admin.action(description="Archive")
    def archive_selected(self, request: HttpRequest, threads: QuerySet[Thread]) -> None:
        """Put threads away."""
        for thread in threads:
            gateway.archive(thread, actor=self.actor(request))

    @admin.action(description="Restore")
    def restore_selected(self, request: HttpRequest, threads: QuerySet[Thread]) -> None:
        """Get threads back."""
        for thread in threads:
            gateway.restore(thread, actor=self.actor(request))
