"""Rows with a secret, each of one person: it is made with the row, shown once, and never again."""

from typing import Any

from django.db.models import QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from typing_extensions import override
from unfold.admin import ModelAdmin

from chat.models import User


class ShownOnceAdmin(ModelAdmin):
    """Shows a new row's secret instead of the list."""

    told = ""  # what the secret is for
    person = "owner"  # the field that says whose a row is

    def new_secret(self, row: Any) -> str:  # noqa: ANN401  (of whichever model)
        """Give a row that is not saved yet its secret, and return that."""
        raise NotImplementedError

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        user = request.user
        return found if user.is_superuser else found.filter(**{self.person: user.pk})

    @override
    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == self.person and not request.user.is_superuser:  # only for oneself
            kwargs["queryset"] = User.objects.filter(username=request.user.get_username())
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(
            db_field, request, **kwargs
        )
        return field

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
