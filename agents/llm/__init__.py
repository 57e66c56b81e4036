"""Talking to models: one broker, several providers, one family of errors."""

from agents.llm.broker import Asking, Broker
from agents.llm.config import CompletionConfig, Endpoint, Timeouts
from agents.llm.request import Provider, Request, Sink, TextSink
from agents.llm.retries import Retries

__all__ = [
    "Asking",
    "Broker",
    "CompletionConfig",
    "Endpoint",
    "Provider",
    "Request",
    "Retries",
    "Sink",
    "TextSink",
    "Timeouts",
]
