"""What is known of models: windows, limits, abilities, prices. Offline, from LiteLLM's package.

The list is a file of the package; it is read without importing the package, which would take
seconds, and never looked for on the network.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agents.messages import Usage

FILE = "model_prices_and_context_window_backup.json"
WANT_THINKING = ("deepseek", "kimi", "minimax")  # others may refuse to be told
ALWAYS_REASONING = ("o1", "o3", "o4", "gpt-5")  # OpenAI's; others think when they are told to


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model. What is not known is None, or assumed to work.

    Attributes:
        name: As it was asked for.
        context_window: How many tokens it takes in.
        output_limit: How many it gives at most.
        vision: Whether it sees images.
        tools: Whether it can call tools.
        reasoning: Whether it can think before it answers, and takes a `reasoning_effort`.
        always_reasons: Whether it always does: then it takes no temperature, and counts its
            thinking among what it answers (`max_completion_tokens`).
        input_price: US dollars for a token in.
        output_price: US dollars for a token out.
        cached_price: US dollars for a token in that the provider had kept.
        written_price: US dollars for a token in that the provider keeps from now on.
        wants_thinking: Whether it wants back, with its tools' results, what it thought before.
        cache_markers: Whether it keeps what is marked, and nothing else.
        known: Whether it was found at all.
    """

    name: str
    context_window: int | None = None
    output_limit: int | None = None
    vision: bool | None = None
    tools: bool = True
    reasoning: bool = False
    always_reasons: bool = False
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    cached_price: Decimal | None = None
    written_price: Decimal | None = None
    wants_thinking: bool = False
    cache_markers: bool = False
    known: bool = False

    def cost(self, usage: Usage) -> Decimal | None:
        """Return what a call has cost, in US dollars; None if the price is not known."""
        if self.input_price is None or self.output_price is None:
            return None
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        written = min(usage.written_tokens, usage.prompt_tokens - cached)
        fresh = usage.prompt_tokens - cached - written
        return (
            self.input_price * fresh
            + _either(self.cached_price, self.input_price) * cached
            + _either(self.written_price, self.input_price) * written
            + self.output_price * usage.completion_tokens
        )


@lru_cache(maxsize=512)
def model_info(model: str) -> ModelInfo:
    """Return what is known of a model, such as "openai/gpt-4o" or "anthropic/claude-…".

    Args:
        model: With its provider's prefix, or without.
    """
    entry = _find(model)
    name = model.rpartition("/")[2]
    always = name.startswith(ALWAYS_REASONING) and "chat" not in name
    wants_thinking = any(each in name.lower() for each in WANT_THINKING)
    if entry is None:
        return ModelInfo(
            name=model, reasoning=always, always_reasons=always, wants_thinking=wants_thinking
        )
    return ModelInfo(
        name=model,
        context_window=_number(entry.get("max_input_tokens") or entry.get("max_tokens")),
        output_limit=_number(entry.get("max_output_tokens")),
        vision=bool(entry.get("supports_vision")),
        tools=bool(entry.get("supports_function_calling", True)),
        reasoning=bool(entry.get("supports_reasoning")),
        always_reasons=always,
        input_price=_price(entry.get("input_cost_per_token")),
        output_price=_price(entry.get("output_cost_per_token")),
        cached_price=_price(entry.get("cache_read_input_token_cost")),
        written_price=_price(entry.get("cache_creation_input_token_cost")),
        wants_thinking=wants_thinking,
        cache_markers="claude" in name and bool(entry.get("supports_prompt_caching")),
        known=True,
    )


def models_with_keys(environment: Mapping[str, str]) -> list[str]:
    """Return the chat models of the vendors whose API key is at hand, by LiteLLM's names.

    Args:
        environment: Where the keys are, such as "ANTHROPIC_API_KEY".
    """
    found: set[str] = set()
    for name, entry in _models().items():
        vendor = str(entry.get("litellm_provider"))
        if entry.get("mode") == "chat" and environment.get(f"{vendor.upper()}_API_KEY"):
            found.add(name if name.startswith(f"{vendor}/") else f"{vendor}/{name}")
    return sorted(found)


def _find(model: str) -> dict[str, Any] | None:
    """Look a model up by its whole name, and then with less and less of its prefix."""
    known = _models()
    name = model
    while True:
        if found := known.get(name):
            return found
        _, slash, name = name.partition("/")
        if not slash:
            return None


@lru_cache(maxsize=1)
def _models() -> dict[str, dict[str, Any]]:
    spec = find_spec("litellm")  # finds the package without importing it
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        file = Path(folder) / FILE
        if file.is_file():
            listed: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
            listed.pop("sample_spec", None)
            return listed
    return {}


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _either(price: Decimal | None, other: Decimal) -> Decimal:
    return other if price is None else price


def _price(value: object) -> Decimal | None:
    return Decimal(str(value)) if isinstance(value, int | float) else None
