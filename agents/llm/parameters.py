"""Parameters as a model takes them: renamed, fitted to its limits, or left out with one warning."""

import logging
from typing import Any

from agents.llm.config import CompletionConfig
from agents.llm.registry import ModelInfo

SCHEMA_NAME = "answer"

logger = logging.getLogger(__name__)  # (structlog would take longer to load)

_told: set[tuple[str, str]] = set()


def openai(config: CompletionConfig, info: ModelInfo, *, strict: bool = False) -> dict[str, Any]:
    """Return the parameters of OpenAI's wire.

    A model that always reasons takes `max_completion_tokens`, no temperature and no `top_p`. One
    that can reason takes a temperature as long as it is not told to think; one that can't takes
    no `reasoning_effort`.

    Args:
        config: What is wanted.
        info: What is known of the model.
        strict: Whether the server refuses what it doesn't know (OpenAI itself does); a server of
            one's own often takes more, such as `top_k`.
    """
    wanted: dict[str, Any] = {
        "seed": config.seed,
        "stop": list(config.stop) or None,
        "response_format": response_format(config),
        "max_completion_tokens" if info.always_reasons else "max_tokens": _limit(config, info),
    }
    sampling = {"temperature": config.temperature, "top_p": config.top_p}
    effort = {"reasoning_effort": _effort(config)}
    thinks = info.always_reasons or (info.reasoning and _effort(config) is not None)
    if thinks:
        leave_out(info.name, sampling)
    else:
        wanted |= sampling
    if info.reasoning:
        wanted |= effort
    else:
        leave_out(info.name, effort)
    if strict:
        leave_out(info.name, {"top_k": config.top_k})
    else:
        wanted["top_k"] = config.top_k
    leave_out(info.name, {"num_ctx": config.num_ctx})
    return {name: value for name, value in wanted.items() if value is not None}


def response_format(config: CompletionConfig) -> dict[str, Any] | None:
    """Return the form that the answer is to have, the way OpenAI's wire says it."""
    match config.response_format:
        case "json":
            return {"type": "json_object"}
        case dict() as schema:
            return {
                "type": "json_schema",
                "json_schema": {"name": SCHEMA_NAME, "schema": schema, "strict": False},
            }
        case _:
            return None


def leave_out(model: str, values: dict[str, Any]) -> None:
    """Warn, once for each model, of parameters that it doesn't take."""
    for name, value in values.items():
        if value is not None and (model, name) not in _told:
            _told.add((model, name))
            logger.warning("%s does not take %s=%r: left out", model, name, value)


def _effort(config: CompletionConfig) -> str | None:
    return None if config.reasoning_effort in {None, "none"} else config.reasoning_effort


def _limit(config: CompletionConfig, info: ModelInfo) -> int | None:
    wanted = config.output_limit
    if wanted is None or info.output_limit is None:
        return wanted
    return min(wanted, info.output_limit)
