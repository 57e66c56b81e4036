"""Print an answer as it comes, with tools on the way."""

from common import broker, model

from agents.llm import Asking
from agents.tools.builtin import BUILTIN

question = "What is 17*23, and what date is tomorrow?"
for piece in broker().generate_stream(model(__doc__), question, Asking(tools=BUILTIN)):
    print(piece, end="", flush=True)
print()
