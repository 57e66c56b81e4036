"""Talking to models: one broker, several providers, one family of errors."""

from agents.llm.asking import Asking
from agents.llm.broker import Broker
from agents.llm.cache import Cache, MemoryCache
from agents.llm.config import CompletionConfig, Endpoint, Timeouts
from agents.llm.request import Provider, Request, Sink, TextSink
from agents.llm.retries import Retries

__all__ = [
    "Asking",
    "Broker",
    "Cache",
    "CompletionConfig",
    "Endpoint",
    "MemoryCache",
    "Provider",
    "Request",
    "Retries",
    "Sink",
    "TextSink",
    "Timeouts",
]
