"""A real Redis of the tests' own."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import redis

from config.services import redis_binary
from tests.support.installation import wait_until


@contextlib.contextmanager
def serving(socket: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a Redis on a Unix socket for a block."""
    command = [redis_binary(), "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen([*command, "--loglevel", "warning"], stdout=subprocess.DEVNULL) as server:  # noqa: S603
        with redis.Redis.from_url(f"unix://{socket}") as client:
            wait_until(lambda: _answers(client), seconds=10, what="Redis")
        try:
            yield server
        finally:
            server.terminate()


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
