"""A sink that is full: nothing is read for it, and nothing is lost by that."""

import asyncio
import json
import threading

import pytest
from typing_extensions import override

from agents.cancellation import Cancellation
from agents.errors import Cancelled
from agents.llm import Asking, Broker, Endpoint, TextSink
from agents.tools import ToolContext
from tests.support.installation import wait_until
from tests.support.stand_in import StandIn, tokens

WIRES = ["openai/stand-in", "ollama/llama3.2"]


class Full(TextSink):
    """Has room again once something has happened."""

    def __init__(self, until: threading.Event) -> None:
        super().__init__()
        self.waits = 0
        self._until = until

    @property
    @override
    def is_full(self) -> bool:
        return True

    @override
    async def room(self) -> None:
        self.waits += 1
        await asyncio.to_thread(self._until.wait)


@pytest.fixture
def broker(model_server: tuple[str, StandIn]) -> Broker:
    """A broker that knows the server by both its wires."""
    url = model_server[0]
    ollama = Endpoint(url.removesuffix("/v1"), wire="ollama")
    return Broker({"openai": Endpoint(url), "ollama": ollama})


def asked(**script: object) -> str:
    return json.dumps(script)


@pytest.mark.parametrize("model", WIRES)
def test_what_came_meanwhile_is_read_at_once(
    broker: Broker, model_server: tuple[str, StandIn], model: str
) -> None:
    finished = threading.Event()
    sink = Full(finished)

    def wait_for_the_end() -> None:
        wait_until(lambda: model_server[1].seen["finished"] == 1, seconds=5, what="the end")
        finished.set()

    waiter = threading.Thread(target=wait_for_the_end)
    waiter.start()
    reply = broker.ask(model, asked(tokens=300, per_second=1_000), sink=sink)
    waiter.join()

    assert reply.content == sink.text == "".join(tokens(300))
    assert 1 <= sink.waits < 30


@pytest.mark.parametrize("model", WIRES)
def test_a_connection_is_read_again_by_who_comes_next(
    broker: Broker, model_server: tuple[str, StandIn], model: str
) -> None:
    done = threading.Event()
    done.set()
    for _ in range(5):
        sink = Full(done)

        broker.ask(model, asked(tokens=50, per_second=2_000), sink=sink)

        assert sink.text == "".join(tokens(50))
    assert model_server[1].seen["cut"] == 0


def test_stop_closes_a_connection_that_is_left_unread(
    broker: Broker, model_server: tuple[str, StandIn]
) -> None:
    never = threading.Event()
    cancellation, sink = Cancellation(), Full(never)

    def press_stop() -> None:
        wait_until(lambda: sink.waits == 1, seconds=5, what="a full sink")
        cancellation.cancel()

    stopper = threading.Thread(target=press_stop)
    stopper.start()
    asking = Asking(context=ToolContext(cancellation=cancellation))
    with pytest.raises(Cancelled):
        broker.ask(WIRES[0], asked(tokens=10_000, per_second=100), asking, sink=sink)
    stopper.join()

    wait_until(lambda: model_server[1].seen["cut"] == 1, seconds=0.3, what="the cut")
    never.set()  # the thread that waits for it would go on
