"""A conversation that remembers. Lines come from standard input; an empty one ends it."""

import sys

from common import broker, model

from agents.llm.session import ChatSession

session = ChatSession(broker(), model(__doc__))
for line in sys.stdin:
    if not line.strip():
        break
    for piece in session.stream(line.strip()):
        print(piece, end="", flush=True)
    print()
print(f"{len(session.history)} messages in all.")
