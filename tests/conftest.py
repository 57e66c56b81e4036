"""What all tests share: a closed network, a real Redis, and rows that equal their events."""

import shutil
import socket
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection, transaction

from agents import loop
from agents.models import Agent
from chat import credentials, gateway
from chat.management.commands.rebuild import differences, refold, rows
from chat.models import Thread, User
from tests.support import redis_server, stand_in
from tracer import immutability, live

Address = tuple[str, int]


@pytest.fixture(scope="session", autouse=True)
def _closed_network() -> Iterator[None]:
    """Let nobody out but to this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Address) -> None:
        inside = address[0] in {"::1", "localhost"} or str(address[0]).startswith("127.")
        if self.family in {socket.AF_INET, socket.AF_INET6} and not inside:
            msg = f"A test wants to reach {address}."
            raise AssertionError(msg)
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[assignment,method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _redis() -> Iterator[None]:
    """Run a Redis for the tests; take the tests' folder away at the end."""
    with redis_server.serving(settings.REDIS_SOCKET):
        yield
        loop.close()
        live.connection().close()
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture
def _emptied_redis() -> None:
    live.connection().flushall()


@pytest.fixture
def _committed(transactional_db: None) -> Iterator[None]:
    """Have a database whose commits are real; let it be emptied although events are immutable."""
    immutability.install(connection)
    yield
    immutability.remove(connection)


@pytest.fixture
def _tables_equal_their_fold(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fold all events again after a test: the rows must be the same."""
    request.getfixturevalue("db")
    yield
    with transaction.atomic():
        before = rows()
        refold()
        found = differences(before, rows())
        transaction.set_rollback(True)
    assert found == []


@pytest.fixture
def owner(db: None) -> User:
    """The owner."""
    return credentials.owner()


@pytest.fixture
def stranger(db: None) -> User:
    """Somebody else."""
    return User.objects.create_user("stranger")


@pytest.fixture
def demo(db: None) -> Agent:
    """The demo agent; made anew where a test has emptied the database."""
    defaults = {
        "name": "Demo",
        "model": "demo/assistant",
        "tools": ["calculator", "current_datetime", "resolve_date"],
    }
    return Agent.objects.get_or_create(slug="demo", defaults=defaults)[0]


@pytest.fixture
def thread(owner: User, demo: Agent) -> Thread:
    """A thread of the owner, with the demo agent."""
    return gateway.start(owner=owner, agent=demo.slug, actor="user:1")


@pytest.fixture
def model_server() -> Iterator[tuple[str, stand_in.StandIn]]:
    """A scripted model server: its base URL, and what it has seen."""
    with stand_in.serving() as served:
        yield served
