"""The app of the stream."""

from django.apps import AppConfig


class TracerConfig(AppConfig):
    """The append-only stream and the live bus."""

    name = "tracer"
    verbose_name = "Events"
