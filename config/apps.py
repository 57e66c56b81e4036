"""The app of the wiring; an app only for its commands."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Settings, addresses, the supervisor."""

    name = "config"
