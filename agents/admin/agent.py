"""Setting up an agent."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from agents import mcp_servers, selectors
from agents.models import Agent
from agents.skills import Skill
from agents.tools.builtin.results import read_result
from agents.tools.registry import registry


class AgentForm(forms.ModelForm[Agent]):
    """An agent, with its tools as checkboxes."""

    tools = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the agent may call. A change counts from its next answer on.",
    )

    approvals = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Tools that a person has to allow, call by call, or once for a thread.",
    )
    skills = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the agent knows how to do; it reads a skill when it needs it.",
    )

    delegates = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Other agents that this one may hand something over to.",
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
            "approvals",
            "skills",
            "delegates",
            "over_mcp",
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
        own = [tool for tool in registry.all() if tool.name != read_result.name]  # all have it
        offered = [*own, *mcp_servers.all_tools()]
        tools.choices = [(tool.name, _described(tool.name, tool.description)) for tool in offered]
        approvals = self.fields["approvals"]
        assert isinstance(approvals, forms.MultipleChoiceField)  # noqa: S101  (as above)
        approvals.choices = [(tool.name, tool.name) for tool in offered if not tool.needs_approval]
        delegates = self.fields["delegates"]
        assert isinstance(delegates, forms.MultipleChoiceField)  # noqa: S101  (as above)
        others = selectors.active_agents().exclude(pk=self.instance.pk)
        delegates.choices = [
            (each.slug, _described(each.name, each.description)) for each in others
        ]
        skills = self.fields["skills"]
        assert isinstance(skills, forms.MultipleChoiceField)  # noqa: S101  (for the type checker)
        skills.choices = self._skill_choices()
        skills.help_text = format_html(
            "{} <a href='{}'>All skills, and what is wrong with those that can't be used</a>",
            skills.help_text,
            reverse("admin:agents_skills"),
        )

    def _skill_choices(self) -> list[tuple[str, SafeString]]:
        """Return the skills that there are, and those that were there when they were chosen."""
        found = selectors.skills().skills
        gone = [name for name in self.instance.skills if name not in found]
        return [
            *((name, _described(name, skill.description)) for name, skill in found.items()),
            *((name, _described(name, "It is not there any more.")) for name in gone),
        ]


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
        ("Leave", {"classes": ["collapse"], "fields": ["approvals"]}),
        ("Skills", {"fields": ["skills"]}),
        ("Other agents", {"classes": ["collapse"], "fields": ["delegates"]}),
        ("Answers", {"fields": ["temperature", "max_tokens", "fallback_models"]}),
        (
            "More settings of the model",
            {
                "classes": ["collapse"],
                "fields": ["top_p", "top_k", "num_ctx", "reasoning_effort", "seed", "stop_texts"],
            },
        ),
        (None, {"fields": ["active", "over_mcp"]}),
    ]

    @admin.display(description="tools")
    def tool_names(self, agent: Agent) -> str:
        """List the tools that are switched on."""
        return ", ".join(agent.tools)

    @override
    def get_urls(self) -> list[URLPattern]:
        shown = self.admin_site.admin_view(self.skills_page)
        return [path("skills/", shown, name="agents_skills"), *super().get_urls()]

    def skills_page(self, request: HttpRequest) -> HttpResponse:
        """Show the skills that were found, and what is wrong with those that can't be used."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = selectors.skills()
        context = self.admin_site.each_context(request) | {
            "title": "Skills",
            "folders": dict.fromkeys(settings.SKILLS_DIRS),
            "found": {
                "headers": ["Name", "Description", "Folder", "Remarks"],
                "rows": [
                    [skill.name, skill.description, str(skill.folder), _remarks(skill)]
                    for skill in found.skills.values()
                ],
            },
            "broken": {
                "headers": ["Folder", "Line", "Reason"],
                "rows": [[str(each.folder), each.line, each.reason] for each in found.broken],
            },
            "hidden": {
                "headers": ["Name", "Folder"],
                "rows": [[skill.name, str(skill.folder)] for skill in found.hidden],
            },
        }
        return render(request, "admin/agents/skills.html", context)

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        return ["slug"] if obj else []

    @override
    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Agent | None = None
    ) -> dict[str, list[str]]:
        return {} if obj else self.prepopulated_fields


def _remarks(skill: Skill) -> str:
    asked = f"Asks for {', '.join(skill.allowed_tools)}." if skill.allowed_tools else ""
    return " ".join([*skill.warnings, asked]).strip()


def _described(name: str, description: str) -> SafeString:
    return format_html("<strong>{}</strong>: {}", name, description.partition("\n")[0])
