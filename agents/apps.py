"""The app of agents."""

from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Agents, their models and their tools."""

    name = "agents"
    verbose_name = "Agents"
