"""Give a model a tool."""

from common import broker, model

from agents.llm import Asking
from agents.tools.builtin.dates import resolve_date

asking = Asking(tools=[resolve_date])
print(broker().generate(model(__doc__), "What date is next Friday?", asking).content)
