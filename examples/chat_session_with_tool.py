"""A conversation with tools. Lines come from standard input; an empty one ends it."""

import sys

from common import broker, model

from agents.llm import Asking
from agents.llm.session import ChatSession
from agents.tools.builtin.dates import resolve_date

session = ChatSession(
    broker(),
    model(__doc__),
    system_prompt="You help with dates. Use your tool.",
    asking=Asking(tools=[resolve_date]),
)
for line in sys.stdin:
    if not line.strip():
        break
    print(session.send(line.strip()))
