"""What this installation reaches: model servers, by a broker, and the web."""

from functools import lru_cache

from django.conf import settings

from agents.cache import RedisCache
from agents.limits import RedisLimiter
from agents.llm import Broker, Endpoint, Retries, Timeouts
from agents.tools.guard import Guard
from agents.tools.web import Web


def endpoints() -> dict[str, Endpoint]:
    """Return the model servers of the settings, by the prefix of their models."""
    return {
        prefix: Endpoint(base_url, api_key, wire="ollama" if prefix == "ollama" else "openai")
        for prefix, (base_url, api_key) in settings.LLM_ENDPOINTS.items()
    }


def timeouts() -> Timeouts:
    """Return how long the settings let a model take."""
    return Timeouts(
        connect=settings.LLM_CONNECT_SECONDS,
        first_token=settings.LLM_FIRST_TOKEN_SECONDS,
        between_tokens=settings.LLM_BETWEEN_TOKENS_SECONDS,
    )


@lru_cache(maxsize=1)
def broker() -> Broker:
    """Return the process's broker."""
    retries = Retries(times=settings.LLM_RETRIES)
    limiter = RedisLimiter(settings.LLM_RATE_LIMITS) if settings.LLM_RATE_LIMITS else None
    cache = RedisCache(settings.LLM_CACHE_SECONDS) if settings.LLM_CACHE_SECONDS else None
    return Broker(endpoints(), timeouts=timeouts(), retries=retries, limiter=limiter, cache=cache)


def web() -> Web:
    """Return how the tools reach the web."""
    return Web(
        guard=Guard(networks=tuple(settings.PRIVATE_NETWORKS)),
        search=settings.SEARCH_BACKEND,
        search_url=settings.SEARCH_URL,
        search_key=settings.SEARCH_API_KEY,
    )
