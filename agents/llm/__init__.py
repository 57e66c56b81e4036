"""Talking to models: one broker, several providers, one family of errors."""

from agents.llm.broker import Broker
from agents.llm.config import CompletionConfig, Endpoint, Timeouts
from agents.llm.request import Request, Sink, TextSink

__all__ = ["Broker", "CompletionConfig", "Endpoint", "Request", "Sink", "TextSink", "Timeouts"]
