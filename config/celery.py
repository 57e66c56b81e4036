"""The Celery app. Workers run `celery -A config worker`."""

import os

from celery import Celery
from celery.signals import beat_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("parley")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@beat_init.connect
def _note_beat(**_: object) -> None:
    """Leave a sign for the supervisor that beat has come up."""
    if mark := os.environ.get("PARLEY_BEAT_MARK"):
        from tracer import live  # noqa: PLC0415  (Django is set up by now)

        live.connection().set("parley:beat:started", mark)
