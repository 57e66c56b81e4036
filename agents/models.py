"""The records of agents, set up in the admin."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from typing_extensions import override

from agents.llm import CompletionConfig


class Agent(models.Model):
    """An agent: a model, what it is told, and what it may call."""

    slug = models.SlugField(
        unique=True,
        help_text="Its name in addresses and in the record. It stays as it is once saved.",
    )
    name = models.CharField(max_length=100)
    description = models.CharField(
        max_length=300, blank=True, help_text="One sentence for those who pick an agent."
    )
    model = models.CharField(
        max_length=200,
        help_text=(
            "Such as “demo/assistant”, “openai/…”, “ollama/…” or “anthropic/…”. "
            "“openai/…” goes to OPENAI_BASE_URL, if that is set."
        ),
    )
    system_prompt = models.TextField(
        blank=True, help_text="What the agent is told before every conversation."
    )
    temperature = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(2)],
        help_text="0 to 2; the model's own if left empty.",
    )
    tools = models.JSONField(default=list, blank=True)
    active = models.BooleanField(
        default=True, help_text="An agent that is switched off answers nobody."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]

    @override
    def __str__(self) -> str:
        return self.name

    @property
    def config(self) -> CompletionConfig:
        """How its model is to answer."""
        return CompletionConfig(temperature=self.temperature)


class Seeded(models.Model):
    """An agent that was offered at a start. One that a person deletes is not offered again."""

    slug = models.SlugField(primary_key=True)

    class Meta:
        verbose_name_plural = "seeded"

    @override
    def __str__(self) -> str:
        return self.slug
