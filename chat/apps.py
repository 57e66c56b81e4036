"""The app of conversations, and the one list of who follows the stream."""

from django.apps import AppConfig
from typing_extensions import override


class ChatConfig(AppConfig):
    """Threads, messages and runs."""

    name = "chat"
    verbose_name = "Conversations"

    @override
    def ready(self) -> None:
        """Say what happens after an event, in order; and what a worker does at its start."""
        from celery.signals import worker_ready, worker_shutting_down  # noqa: PLC0415

        from agents import loop  # noqa: PLC0415  (these need the app registry)
        from chat import delivery, projections, reactions, slots, webhooks, worker  # noqa: PLC0415
        from tracer import followers, frames  # noqa: PLC0415

        followers.projector(projections.project)  # in the transaction
        followers.projector(webhooks.note)
        followers.projector(delivery.note)
        followers.reactor(reactions.announce)  # after it, each on its own
        followers.reactor(reactions.start_runs)
        followers.reactor(reactions.stop_runs)
        followers.reactor(reactions.name_threads)

        loop.around_waits(slots.given_back)
        loop.at_exit(frames.close)

        def start_helpers(**_: object) -> None:
            worker.start()

        def leave(**_: object) -> None:
            worker.leave()

        worker_ready.connect(start_helpers, weak=False)
        worker_shutting_down.connect(leave, weak=False)
