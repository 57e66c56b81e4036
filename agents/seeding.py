"""The agents of a first start: one for each model server that the environment names."""

from dataclasses import dataclass

import structlog
from django.conf import settings

from agents import loop
from agents.endpoints import endpoints, timeouts
from agents.errors import LLMError
from agents.llm.broker import provider_of
from agents.models import Agent, Seeded
from agents.tools.registry import registry

PROMPT = "You are a helpful assistant. Use your tools where they help, and say when you don't know."

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Offer:
    """An agent that could be set up."""

    slug: str
    name: str
    model: str


def seed_agents() -> list[Agent]:
    """Set up an agent for each key in the environment that has had none yet."""
    return [_create(offer) for offer in _offers() if _is_new(offer)]


def _offers() -> list[Offer]:
    offers = [
        Offer(slug=prefix, name=_NAMES.get(prefix, prefix), model=f"{prefix}/{model}")
        for prefix, model in ((prefix, _first_model(prefix)) for prefix in endpoints())
        if model
    ]
    if settings.ANTHROPIC_API_KEY:
        offers.append(Offer("anthropic", "Claude", f"anthropic/{settings.ANTHROPIC_MODEL}"))
    return offers


_NAMES = {"openai": "OpenAI", "ollama": "Ollama"}


def _is_new(offer: Offer) -> bool:
    return not (
        Seeded.objects.filter(slug=offer.slug).exists()
        or Agent.objects.filter(slug=offer.slug).exists()
    )


def _create(offer: Offer) -> Agent:
    Seeded.objects.create(slug=offer.slug)
    return Agent.objects.create(
        slug=offer.slug,
        name=offer.name,
        model=offer.model,
        description=f"Answers with {offer.model}.",
        system_prompt=PROMPT,
        tools=[tool.name for tool in registry.all()],
    )


def _first_model(prefix: str) -> str:
    """Return the model to begin with: the one of the settings, or the first the server has."""
    if prefix == "openai" and settings.OPENAI_MODEL:
        return settings.OPENAI_MODEL
    if Seeded.objects.filter(slug=prefix).exists():
        return ""
    server = provider_of(endpoints()[prefix], timeouts())
    try:
        found = loop.wait(server.models())
    except LLMError as error:
        logger.warning("no_models", endpoint=prefix, error=str(error))
        return ""
    return found[0] if found else ""
