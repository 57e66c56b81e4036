"""Rows with a secret: it is made when the row is added, shown on one page, and never again."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from typing_extensions import override
from unfold.admin import ModelAdmin


class ShownOnceAdmin(ModelAdmin):
    """Shows a new row's secret instead of the list."""

    told = ""  # what the secret is for

    def new_secret(self, row: Any) -> str:  # noqa: ANN401  (of whichever model)
        """Give a row that is not saved yet its secret, and return that."""
        raise NotImplementedError

    @override
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            request.secret = self.new_secret(obj)  # type: ignore[attr-defined]  # for this response
        super().save_model(request, obj, form, change)

    @override
    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": str(obj),
            "secret": getattr(request, "secret", ""),
            "told": self.told,
            "back": f"admin:{obj._meta.app_label}_{obj._meta.model_name}_changelist",  # noqa: SLF001
        }
        return TemplateResponse(request, "admin/chat/shown_once.html", context)
