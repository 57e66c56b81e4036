"""Setting up MCP servers."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from typing_extensions import override
from unfold.admin import ModelAdmin

from agents import mcp_servers
from agents.models import McpServer


class McpServerForm(forms.ModelForm[McpServer]):
    """A server: an address, or a name whose command stands in the settings."""

    class Meta:
        model = McpServer
        fields = ["name", "slug", "url", "token_variable", "active"]

    @override
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        slug = given.get("slug") or self.instance.slug
        if not given.get("url") and slug not in settings.MCP_COMMANDS:
            known = ", ".join(settings.MCP_COMMANDS) or "none"
            msg = f"Give an address, or a slug whose command stands in MCP_COMMANDS ({known})."
            raise forms.ValidationError(msg)
        return given


@admin.register(McpServer)
class McpServerAdmin(ModelAdmin):
    """MCP servers. Saving one asks it for its tools."""

    form = McpServerForm
    list_display = ["name", "slug", "url", "tool_count", "state", "active"]
    prepopulated_fields = {"slug": ["name"]}
    readonly_fields = ["state", "waiting", "shown_tools", "asked_at"]
    actions = ["ask_again", "take_over"]

    @override
    def save_model(
        self, request: HttpRequest, obj: McpServer, form: forms.Form, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        mcp_servers.refresh(obj)
        if obj.problem:
            self.message_user(request, obj.problem, messages.WARNING)

    @override
    def get_prepopulated_fields(
        self, request: HttpRequest, obj: McpServer | None = None
    ) -> dict[str, list[str]]:
        return {} if obj else self.prepopulated_fields

    @override
    def get_readonly_fields(self, request: HttpRequest, obj: McpServer | None = None) -> list[str]:
        return [*self.readonly_fields, "slug"] if obj else self.readonly_fields

    @admin.display(description="tools")
    def tool_count(self, row: McpServer) -> int:
        """How many tools were accepted."""
        return len(row.accepted)

    @admin.display(description="state")
    def state(self, row: McpServer) -> str:
        """Say whether it answered, and whether it has changed."""
        if row.problem:
            return row.problem
        changed = row.accepted != row.offered
        return "It offers something else than was accepted." if changed else "well"

    @admin.display(description="changes to accept")
    def waiting(self, row: McpServer) -> SafeString:
        """Show what it offers differently."""
        found = ((each,) for each in mcp_servers.changes(row))
        return format_html_join("", "<p>{}</p>", found) or format_html("{}", "None.")

    @admin.display(description="accepted tools")
    def shown_tools(self, row: McpServer) -> SafeString:
        """Show what agents may be given."""
        found = ((each["name"], each["description"]) for each in row.accepted)
        return format_html_join("", "<p><strong>{}</strong>: {}</p>", found) or format_html(
            "{}", "None."
        )

    @admin.action(description="Ask for its tools")
    def ask_again(self, request: HttpRequest, rows: QuerySet[McpServer]) -> None:
        """Ask servers what they offer."""
        for row in rows:
            mcp_servers.refresh(row)
            self.message_user(request, f"{row}: {self.state(row)}")

    @admin.action(description="Accept what it offers now")
    def take_over(self, request: HttpRequest, rows: QuerySet[McpServer]) -> None:
        """Let what servers offer now count."""
        for row in rows:
            mcp_servers.accept(row)
            self.message_user(request, f"{row}: {len(row.accepted)} tools.")
