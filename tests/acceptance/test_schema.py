"""The REST API against its own description, with all kinds of data that nobody thought of."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from config.api import api
from tests.support.installation import Installation, running

EXAMPLES = 25
ENDLESS = "/stream"  # it ends when the client goes
# What fits the schema can still be refused: an agent that is not there, a slug that is taken.
EXCLUDED = [positive_data_acceptance, negative_data_rejection, unsupported_method]
OPERATIONS = [
    (method.upper(), path)
    for path, methods in api.get_openapi_schema()["paths"].items()
    for method in methods
    if not path.endswith(ENDLESS)
]


@schemathesis.serializer("application/zip", "application/yaml")
def _raw(_: Any, value: Any) -> bytes:  # noqa: ANN401  (whatever was thought of)
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def parley(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A Parley of its own: what is tried here makes agents, changes them, takes them away."""
    settings = {"API_REQUESTS_PER_MINUTE": "1000000", "THREAD_TITLES": "false"}
    with running(tmp_path_factory.mktemp("described"), **settings) as installation:
        yield installation


@pytest.fixture(scope="module")
def key(parley: Installation) -> str:
    """An API key of its owner."""
    return parley.api_key()


@pytest.fixture(scope="module")
def described(parley: Installation) -> schemathesis.schemas.BaseSchema:
    """Return the description, as the running server gives it."""
    return schemathesis.openapi.from_url(f"{parley.url}/api/v1/openapi.json")


@pytest.fixture(scope="module")
def named(parley: Installation, key: str) -> dict[str, str]:
    """Return what is really there, for paths that name something."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{parley.url}/api/v1", headers=headers) as client:
        thread = client.post("/threads", json={"agent": "demo"}).json()["id"]
        sent = client.post(f"/threads/{thread}/messages", json={"content": "Hello"}).json()
    return {
        "thread_id": thread,
        "run_id": sent["run"],
        "message_id": sent["message"],
        "seq": "1",
        "slug": "demo",
        "topic": "deploys",
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_description_holds(
    described: schemathesis.schemas.BaseSchema,
    parley: Installation,
    key: str,
    named: dict[str, str],
    method: str,
    path: str,
    mode: GenerationMode,
) -> None:
    operation = described[path][method]
    headers = {"Authorization": f"Bearer {key}"}

    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def each(case: schemathesis.Case[Any], real: bool) -> None:
        if real and method != "DELETE":
            held = case.path_parameters or {}
            case.path_parameters = {name: named.get(name, value) for name, value in held.items()}
        response = case.call(base_url=parley.url, headers=headers, timeout=30)
        assert response.status_code < 500
        case.validate_response(response, excluded_checks=EXCLUDED)

    each()
