"""Slow tools that are called at the same time."""

import time

from common import broker, model

from agents.llm import Asking
from agents.tools import tool


@tool(idempotent=True)
def calculator(expression: str) -> dict[str, object]:
    """Work a sum out, slowly.

    Args:
        expression: The sum.
    """
    time.sleep(0.5)
    left, right = expression.split("*")
    return {"expression": expression, "result": int(left) * int(right)}


began = time.monotonic()
print(broker().generate(model(__doc__), "What is 2*3, 4*5 and 6*7?", Asking([calculator])).content)
print(f"{time.monotonic() - began:.1f} s for calls of 0.5 s each")
