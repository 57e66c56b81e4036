"""Encode, decode, count."""

from common import model

from agents.llm.tokenizer import Tokenizer

tokenizer = Tokenizer(model(__doc__))
text = "Tokens are pieces of words."
tokens = tokenizer.encode(text)
print(f"{tokenizer.count(text)} tokens: {tokens}")
print([tokenizer.decode([token]) for token in tokens])
print(tokenizer.decode(tokens))
