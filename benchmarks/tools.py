"""What a round of tool calls takes, against one call: `python -m benchmarks.tools`."""

import statistics
import time

from agents.messages import ToolCall
from agents.recording import MemoryRecorder
from agents.tools import ToolContext, tool
from agents.tools.collection import Registry
from agents.tools.execution import call_all

SECONDS = 0.3
ROUNDS = 5


@tool
def wait_a_while(seconds: float) -> str:
    """Wait.

    Args:
        seconds: How long.
    """
    time.sleep(seconds)
    return "done"


def took(calls: int, seconds: float) -> float:
    """Return how long a round of so many calls takes, in seconds: the median of some rounds."""
    wanted = [
        ToolCall(id=str(n), name="wait_a_while", arguments=f'{{"seconds": {seconds}}}')
        for n in range(calls)
    ]
    times = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        call_all(
            wanted,
            tools=Registry([wait_a_while]),
            context=ToolContext(),
            recorder=MemoryRecorder(),
        )
        times.append(time.monotonic() - began)
    return statistics.median(times)


def main() -> None:
    """Print the figures."""
    took(8, 0)  # the threads are there now
    print("| calls of 300 ms | a round, s | against one call |\n|---|---|---|")
    one = took(1, SECONDS)
    for calls in (1, 8, 32):
        seconds = took(calls, SECONDS)
        print(f"| {calls} | {seconds:.3f} | {seconds / one:.2f} |")
    print(f"\nA call that does nothing: {took(32, 0) / 32 * 1e6:.0f} µs")


if __name__ == "__main__":
    main()
