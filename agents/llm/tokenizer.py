"""Text as tokens. The encodings come with LiteLLM's package; nothing is downloaded."""

import os
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from agents.llm.budget import size
from agents.llm.request import Request
from agents.messages import Reply, Usage

if TYPE_CHECKING:
    import tiktoken

OLDER = "cl100k_base"
NEWER = "o200k_base"
NEWER_MODELS = ("gpt-4o", "gpt-4.1", "gpt-5", "o1", "o3", "o4", "chatgpt-4o")


class Tokenizer:
    """Encodes, decodes and counts, the way a model does; for models of others, nearly so."""

    def __init__(self, model: str = "") -> None:
        """Make a tokenizer.

        Args:
            model: The model, with or without its provider's prefix.
        """
        self._encoding = _encoding(encoding_of(model))

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens."""
        return self._encoding.encode(text, disallowed_special=())

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; half a character at either end becomes U+FFFD."""
        return self._encoding.decode(list(tokens))

    def count(self, text: str) -> int:
        """Return how many tokens a text has."""
        return len(self.encode(text))

    def pieces(self, text: str, *, most: int, overlap: int = 0) -> list[str]:
        """Cut a text into pieces of so many tokens at most.

        Args:
            text: The text.
            most: The most tokens of a piece.
            overlap: How many tokens of the piece before each one begins with.
        """
        if most <= overlap:
            msg = f"A piece of {most} tokens can't begin with {overlap} of the one before it."
            raise ValueError(msg)
        tokens = self.encode(text)
        step = most - overlap
        starts = range(0, max(1, len(tokens) - overlap), step)
        return [self.decode(tokens[start : start + most]) for start in starts]


def counted(request: Request, reply: Reply) -> Usage:
    """Return what a call has used, nearly: for servers that don't tell."""
    count = Tokenizer(request.model).count
    said = [reply.content, reply.thinking, *(call.arguments for call in reply.calls)]
    tools = sum(count(f"{t.name} {t.description} {t.parameters}") for t in request.tools)
    return Usage(
        prompt_tokens=tools + sum(size(turn, count) for turn in request.turns),
        completion_tokens=sum(map(count, said)),
        reasoning_tokens=count(reply.thinking),
        counted=True,
    )


def encoding_of(model: str) -> str:
    """Return the name of a model's encoding, or of the one that comes nearest."""
    name = model.rpartition("/")[2]
    return NEWER if name.startswith(NEWER_MODELS) else OLDER


@lru_cache(maxsize=4)
def _encoding(name: str) -> "tiktoken.Encoding":
    spec = find_spec("litellm")  # finds the package without importing it
    for folder in (spec.submodule_search_locations if spec else None) or ():
        tokenizers = Path(folder) / "litellm_core_utils" / "tokenizers"
        if tokenizers.is_dir():
            os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(tokenizers))
    import tiktoken

    return tiktoken.get_encoding(name)
