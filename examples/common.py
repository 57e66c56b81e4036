"""What the examples share: the model to use, and the broker that talks to it.

Each example runs by itself: `python examples/simple_llm.py --model openai/gpt-4o-mini`. Without
a model it is the built-in demo, which runs offline.
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agents.llm import Broker, Endpoint

DEMO = "demo/assistant"


def broker() -> Broker:
    """Return a broker for the servers that the environment names."""
    endpoints: dict[str, Endpoint] = {}
    key, address = os.environ.get("OPENAI_API_KEY", ""), os.environ.get("OPENAI_BASE_URL", "")
    if key or address:
        endpoints["openai"] = Endpoint(address or "https://api.openai.com/v1", key)
    if host := os.environ.get("OLLAMA_HOST", ""):
        endpoints["ollama"] = Endpoint(host, wire="ollama")
    return Broker(endpoints)


def model(about: str | None) -> str:
    """Return the model to use, from the command line."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--model", default=DEMO, help=f"who answers; {DEMO} if left out")
    return str(parser.parse_args().model)
