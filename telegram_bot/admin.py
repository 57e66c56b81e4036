"""Telegram in the admin: who is linked, where they write, and what was sent there."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from typing_extensions import override
from unfold.admin import ModelAdmin

from telegram_bot import links
from telegram_bot.models import Account, Chat, Post


class ShownAdmin(ModelAdmin):
    """Rows that the bot writes: to be read."""

    @override
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @override
    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(ShownAdmin):
    """Linked accounts. To delete one is to unlink it."""

    list_display = ["name", "telegram_id", "user", "linked_at"]
    list_filter = ["user"]
    search_fields = ["name", "=telegram_id"]

    @override
    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        links.unlink(obj)

    @override
    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        for account in queryset:
            links.unlink(account)


@admin.register(Chat)
class ChatAdmin(ShownAdmin):
    """Chats and topics, and what goes on there."""

    list_display = ["__str__", "kind", "account", "thread", "agent", "refused", "used_at"]
    list_filter = ["kind", "account"]
    search_fields = ["title", "=chat_id", "=thread"]
    list_select_related = ["account"]

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Chat | None = None) -> bool:
        return False


@admin.register(Post)
class PostAdmin(ShownAdmin):
    """What was sent, and what was not, with the reason."""

    list_display = ["created_at", "kind", "chat", "state", "attempts", "problem", "sent_at"]
    list_filter = ["state", "kind"]
    search_fields = ["key", "=thread", "problem"]
    list_select_related = ["chat"]
    exclude = ["data"]
    actions = ["try_again"]

    @override
    def has_delete_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return False

    @admin.action(description="Try again to send")
    def try_again(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        """Have what was given up sent after all."""
        failed = queryset.filter(state=Post.State.FAILED)
        count = failed.update(
            state=Post.State.WAITING, next_at=timezone.now(), attempts=0, problem=""
        )
        self.message_user(request, f"{count} are sent again.")
