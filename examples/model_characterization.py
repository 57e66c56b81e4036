"""Try what a model can do: text, tools, objects, streams."""

import time
from collections.abc import Callable

from common import broker, model
from pydantic import BaseModel

from agents.errors import AgentError
from agents.llm import Asking
from agents.llm.registry import model_info
from agents.tools.builtin.calculator import calculator


class Answer(BaseModel):
    """A number."""

    number: int


talk, name = broker(), model(__doc__)
trials: dict[str, Callable[[], object]] = {
    "text": lambda: talk.generate(name, "Say yes.").content,
    "tools": lambda: talk.generate(name, "What is 6*7?", Asking([calculator])).content,
    "objects": lambda: talk.generate_object(name, "Give me the number 42.", wanted=Answer),
    "streams": lambda: len(list(talk.generate_stream(name, "Count to five."))),
}

print(model_info(name))
for what, trial in trials.items():
    began = time.monotonic()
    try:
        result = str(trial()).replace("\n", " ")
    except AgentError as error:
        result = f"no: {error}"
    print(f"{what:<8} {time.monotonic() - began:5.2f} s  {result[:80]}")
