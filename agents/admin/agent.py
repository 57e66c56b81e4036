"""Setting up an agent."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from agents.models import Agent
from agents.tools import Tool
from agents.tools.registry import registry


class AgentForm(forms.ModelForm[Agent]):
    """An agent, with its tools as checkboxes."""

    tools = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the agent may call. A change counts from its next answer on.",
    )

    class Meta:
        model = Agent
        fields = [
            "name",
            "slug",
            "description",
            "model",
            "system_prompt",
            "tools",
            "active",
            "temperature",
            "max_tokens",
            "max_tool_iterations",
            "fallback_models",
            "top_p",
            "top_k",
            "num_ctx",
            "reasoning_effort",
            "seed",
            "stop_texts",
        ]
        widgets = {
            "system_prompt": UnfoldAdminTextareaWidget(attrs={"rows": 10}),
            "fallback_models": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "stop_texts": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tools = self.fields["tools"]
        assert isinstance(tools, forms.MultipleChoiceField)  # noqa: S101  (for the type checker)
        tools.choices = [(tool.name, _described(tool)) for tool in registry.all()]


@admin.register(Agent)
class AgentAdmin(ModelAdmin):
    """Agents."""

    form = AgentForm
    list_display = ["name", "slug", "model", "tool_names", "active"]
    list_filter = ["active"]
    search_fields = ["name", "slug", "description", "model"]
    prepopulated_fields = {"slug": ["name"]}
    fieldsets = [
        (None, {"fields": ["name", "slug", "description", "model", "system_prompt"]}),
        ("Tools", {"fields": ["tools", "max_tool_iterations"]}),
        ("Answers", {"fields": ["temperature", "max_tokens", "fallback_models"]}),
        (
            "More settings of the model",
            {
                "classes": ["collapse"],
                "fields": ["top_p", "top_k", "num_ctx", "reasoning_effort", "seed", "stop_texts"],
            },
        ),
        (None, {"fields": ["active"]}),
    ]

    @admin.display(description="tools")
    def tool_names(self, agent: Agent) -> str:
        """List the tools that are switched on."""
        return ", ".join(agent.tools)

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        return ["slug"] if obj else []

    @override
    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Agent | None = None
    ) -> dict[str, list[str]]:
        return {} if obj else self.prepopulated_fields


def _described(tool: Tool) -> SafeString:
    first_line = tool.description.partition("\n")[0]
    return format_html("<strong>{}</strong>: {}", tool.name, first_line)
