"""A whole Parley for the tests of this folder: Redis, web, worker, beat, and a model server."""

from collections.abc import Iterator

import pytest

from tests.acceptance.talker import Talker
from tests.support import stand_in
from tests.support.installation import Installation, running


@pytest.fixture(scope="session")
def shared_server() -> Iterator[tuple[str, stand_in.StandIn]]:
    """A model server for the whole session."""
    with stand_in.serving() as served:
        yield served


@pytest.fixture(scope="session")
def parley(
    shared_server: tuple[str, stand_in.StandIn], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Parley, the way `make run` starts it, with that model server."""
    settings = {
        "OPENAI_BASE_URL": shared_server[0],
        "LLM_FIRST_TOKEN_SECONDS": "2",
        "LLM_CONNECT_SECONDS": "1",
        "LLM_BETWEEN_TOKENS_SECONDS": "2",
    }
    with running(tmp_path_factory.mktemp("parley"), **settings) as installation:
        yield installation


@pytest.fixture(scope="session")
def key(parley: Installation) -> str:
    """An API key of the owner."""
    return parley.api_key()


@pytest.fixture
def talker(parley: Installation, key: str) -> Talker:
    """A plain client of the REST API and the socket."""
    return Talker(parley.url, key)
