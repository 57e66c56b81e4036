"""`manage.py prepare`: bring the database up to date, before the first process starts."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from typing_extensions import override

from agents.seeding import seed_agents
from chat import credentials


class Command(BaseCommand):
    """Migrate, make the owner, and set up an agent for each key."""

    help = "Migrate the database, make the owner, and set up an agent for each key."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        credentials.owner()
        for agent in seed_agents():
            self.stdout.write(f"Set up the agent {agent.name} ({agent.model}).")
