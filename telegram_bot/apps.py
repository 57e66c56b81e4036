"""The app of Telegram: it follows conversations, so that they can be shown there."""

from django.apps import AppConfig
from typing_extensions import override


class TelegramConfig(AppConfig):
    """The channel adapter for Telegram."""

    name = "telegram_bot"
    verbose_name = "Telegram"

    @override
    def ready(self) -> None:
        """Be told what happens in conversations."""
        from agents import loop  # noqa: PLC0415  (these need the app registry)
        from chat import delivery  # noqa: PLC0415
        from telegram_bot import outbox  # noqa: PLC0415
        from tracer import live  # noqa: PLC0415

        delivery.register(outbox.note)
        loop.at_exit(live.close_hub)
