"""The app of agents."""

from django.apps import AppConfig
from typing_extensions import override


class AgentsConfig(AppConfig):
    """Agents, their models and their tools."""

    name = "agents"
    verbose_name = "Agents"

    @override
    def ready(self) -> None:
        """Have threads that wait for a model give their database connection back."""
        from django.db import connections  # noqa: PLC0415  (needs the app registry)

        from agents import loop  # noqa: PLC0415

        def close_connections() -> None:
            for connection in connections.all(initialized_only=True):
                if not connection.in_atomic_block:
                    connection.close()

        loop.before_waiting(close_connections)
