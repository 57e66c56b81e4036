"""The same on Postgres: the tests of the stream and of conversations, against a real server."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import ROOT


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Postgres of our own; its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where there is no XDG_RUNTIME_DIR
        module: Any = import_module("pgserver")
    folder: Path = tmp_path_factory.mktemp("postgres")
    server: Any = module.get_server(folder, cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.mark.timeout(400)
def test_the_stream_and_conversations_hold_on_postgres(postgres: str, tmp_path: Path) -> None:
    elsewhere = tmp_path / "inner"  # else pytest shuts its own folder, with the server's inside
    plans = "--ignore=tests/chat/test_queries.py"  # SQLite's
    tests = ["tests/tracer", "tests/chat", plans]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "pytest", "-q", f"--basetemp={elsewhere}", *tests],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": postgres},
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " skipped" not in done.stdout.splitlines()[-1]
