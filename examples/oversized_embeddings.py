"""Embed a text that is longer than a model takes: it is cut, and the pieces are pooled."""

from common import broker, model

from agents.llm.tokenizer import Tokenizer

text = "The tide comes in and the tide goes out. " * 3_000
name = model(__doc__)
(vector,) = broker().embed(name, text)
print(f"{Tokenizer(name).count(text):,} tokens, {len(vector)} dimensions")
print(f"length {sum(value * value for value in vector) ** 0.5:.3f}")
