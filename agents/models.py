"""The records of agents, set up in the admin."""

from django.core.exceptions import ValidationError
from django.core.validators import (
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
    URLValidator,
)
from django.db import models
from typing_extensions import override

from agents.llm import CompletionConfig

MOST_STOP_TEXTS = 4


def lines(text: str) -> list[str]:
    """Return the lines of a text that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def four_lines(text: str) -> None:
    """Refuse more stop texts than models take."""
    if len(lines(text)) > MOST_STOP_TEXTS:
        msg = f"There are {len(lines(text))} lines; models take {MOST_STOP_TEXTS} at most."
        raise ValidationError(msg)


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
    max_tokens = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The most tokens of an answer; the model's own limit if left empty.",
    )
    top_p = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="0 to 1: of the likeliest words, how much of their likelihood to pick from.",
    )
    top_k = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How many of the likeliest words to pick from.",
    )
    num_ctx = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="The window in tokens, for servers that ask for it, such as Ollama.",
    )
    reasoning_effort = models.CharField(
        max_length=10,
        blank=True,
        choices=[("low", "low"), ("medium", "medium"), ("high", "high")],
        help_text="How long a reasoning model thinks; others leave it out.",
    )
    seed = models.IntegerField(
        null=True, blank=True, help_text="For the same answer again, as far as the model keeps it."
    )
    stop_texts = models.TextField(
        blank=True,
        validators=[four_lines],
        help_text="Texts that end an answer: one a line, four at most.",
    )
    max_tool_iterations = models.PositiveSmallIntegerField(
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="How often the model is asked again after its tools' results.",
    )
    fallback_models = models.TextField(
        blank=True,
        help_text="Models to ask instead when the first one fails before it begins: one a line.",
    )
    tools = models.JSONField(default=list, blank=True)
    approvals = models.JSONField(default=list, blank=True)
    skills = models.JSONField(default=list, blank=True)
    delegates = models.JSONField(default=list, blank=True)
    over_mcp = models.BooleanField(
        default=False, verbose_name="offered over MCP", help_text="At /mcp, to API keys."
    )
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
        return CompletionConfig.model_validate(
            {
                "temperature": self.temperature,
                "max_tokens": self.max_tokens,
                "top_p": self.top_p,
                "top_k": self.top_k,
                "num_ctx": self.num_ctx,
                "reasoning_effort": self.reasoning_effort or None,
                "seed": self.seed,
                "stop": lines(self.stop_texts),
                "max_tool_iterations": self.max_tool_iterations,
            }
        )

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """Models to ask instead when its own fails."""
        return tuple(lines(self.fallback_models))


class McpServer(models.Model):
    """A server of tools, by the Model Context Protocol.

    `accepted` are the tools that count, `offered` those that it told of last.
    """

    slug = models.SlugField(
        unique=True, max_length=30, help_text="It begins the names of its tools: slug__tool."
    )
    name = models.CharField(max_length=100)
    url = models.CharField(
        "address",
        blank=True,
        max_length=500,
        validators=[URLValidator(["http", "https"])],
        help_text="Where it is; if left empty, the command of this slug in MCP_COMMANDS is run.",
    )
    token_variable = models.CharField(
        blank=True,
        max_length=100,
        validators=[RegexValidator(r"^[A-Z][A-Z0-9_]*$")],
        help_text="The environment variable that has its token, such as FILES_MCP_TOKEN.",
    )
    active = models.BooleanField(default=True)
    accepted = models.JSONField(default=list, blank=True)
    offered = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["slug"]
        verbose_name = "MCP server"

    @override
    def __str__(self) -> str:
        return self.name


class Artifact(models.Model):
    """A tool's result that was too long for a model, kept whole."""

    name = models.CharField(max_length=32, primary_key=True)
    content = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    @override
    def __str__(self) -> str:
        return self.name


class Seeded(models.Model):
    """An agent that was offered at a start. One that a person deletes is not offered again."""

    slug = models.SlugField(primary_key=True)

    class Meta:
        verbose_name_plural = "seeded"

    @override
    def __str__(self) -> str:
        return self.slug
