"""What runs and sockets leave behind in their process: nothing that grows with their number."""

import gc
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from channels.testing import WebsocketCommunicator

from chat import credentials
from chat.models import Thread, User
from config.asgi import application
from tests.chat.talk import ask
from tests.support.stand_in import script
from tracer import live

OURS = {"agents", "chat", "config", "tracer"}
FEW, MANY = 5, 40


@pytest.fixture
async def _hub() -> AsyncIterator[None]:
    yield
    await live.hub().close()


@pytest.fixture
def key(owner: User) -> str:
    """A visitor's."""
    return credentials.create_api_key(name="visitor", user=owner)


def ours() -> Counter[str]:
    """Count the objects of our own classes, and the threads."""
    gc.collect()
    kinds = [type(each) for each in gc.get_objects()]
    found = Counter(
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in kinds
        if str(kind.__module__).partition(".")[0] in OURS
    )
    found["threads"] = threading.active_count()
    return found


def grown(before: Counter[str]) -> dict[str, int]:
    """Return what there is more of, by about one for each of many."""
    return {name: n for name, n in (ours() - before).items() if n > MANY // 2}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_committed")
def test_runs_leave_nothing(scripted_thread: Thread) -> None:
    calls = [{"name": "calculator", "arguments": '{"expression": "6*7"}'}]

    def talk(times: int) -> None:
        for number in range(times):
            fails = "drop" if number % 5 == 0 else ""
            ask(scripted_thread, script(tokens=5, thinks="I see.", fail=fails, after=3))
            ask(scripted_thread, script(calls=calls))

    talk(FEW)
    before = ours()

    talk(MANY // 2)

    assert grown(before) == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_committed", "_hub")
async def test_sockets_leave_nothing(thread: Thread, key: str) -> None:
    headers = [(b"authorization", f"Bearer {key}".encode())]

    async def visit() -> None:
        socket = WebsocketCommunicator(application, f"/ws/threads/{thread.id}/", headers=headers)
        assert (await socket.connect())[0]
        while json.loads(await socket.receive_from())["type"] != "ready":
            pass
        await socket.disconnect()

    for _ in range(FEW):
        await visit()
    before = ours()

    for _ in range(MANY):
        await visit()

    assert grown(before) == {}
