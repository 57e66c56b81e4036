"""Let a model look at the clock."""

from common import broker, model

from agents.llm import Asking
from agents.tools.builtin.clock import current_datetime

asking = Asking(tools=[current_datetime])
print(broker().generate(model(__doc__), "What time is it right now?", asking).content)
