"""What goes over the wire to an OpenAI-compatible server, and what is known of the model."""

import json

from common import model

from agents.llm import CompletionConfig, Request
from agents.llm.registry import model_info
from agents.llm.wire import payload
from agents.messages import Turn
from agents.tools.builtin.calculator import calculator

name = model(__doc__)
request = Request(
    name,
    [Turn(role="user", content="What is 6*7?")],
    [calculator],
    CompletionConfig(temperature=0.5, max_tokens=100),
)
print(json.dumps(payload(request), indent=2))
print(model_info(name))
