"""The process that has everything loaded, and forks ours from it.

Each of them would load Django, Celery and ourselves anew: some two seconds of a core, and the
same memory once more. Forked, one is there in milliseconds and shares what it does not change.

`python -m config.fork_server FD` takes requests from the socket with that number, and ends when
its other end is closed. `config.children.ForkServer` is that other end.
"""

import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

import django
from setproctitle import setproctitle

from config.leash import tie

MODULES = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.beat",
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "config.asgi",
    "config.urls",
    "django_celery_beat.schedulers",
    "kombu.transport.redis",
    "uvicorn.main",
)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LARGEST_BYTES = 65_536


class Request(NamedTuple):
    """What a fork shall become.

    Attributes:
        command: A module and its arguments, as for `python -m`.
        environment: What it has on top of ours.
        output: A descriptor for its standard output and error.
    """

    command: list[str]
    environment: dict[str, str]
    output: int


def main() -> None:
    """Serve; what comes back from that is a fork."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    for number in ENDING:  # it ends with the supervisor, after all others
        signal.signal(number, signal.SIG_IGN)
    setproctitle("parley: fork server")
    load()
    if request := serve(channel):
        become(request)


def load() -> None:
    """Load what our processes need.

    No thread and no connection may come of it: none would survive a fork.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    import_module("config.celery").app.loader.import_default_modules()
    for name in MODULES:
        import_module(name)
    gc.collect()
    gc.freeze()  # or the first collection in each process would copy all memory


def serve(channel: socket.socket) -> Request | None:
    """Fork on request, and tell of those that end.

    Args:
        channel: Where the supervisor asks and is told, a JSON object in each line.

    Returns:
        None at the end, and in each fork what it shall become.
    """
    woken, waker = os.pipe()
    for end in (woken, waker):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    request = _asked_until_forked(channel, woken)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    channel.close()
    os.close(woken)
    os.close(waker)
    return request


def _asked_until_forked(channel: socket.socket, woken: int) -> Request | None:
    living: set[int] = set()
    sources: list[socket.socket | int] = [channel, woken]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if woken in ready:
            os.read(woken, LARGEST_BYTES)
            for pid, code in _ended():
                living.discard(pid)
                _tell(channel, ended=pid, code=code)
        if channel in ready:
            request = _asked(channel)
            if request is None:  # the supervisor has gone: so do all
                _end(living)
                return None
            if (pid := os.fork()) == 0:
                return request
            os.close(request.output)
            living.add(pid)
            _tell(channel, forked=pid)


def _end(living: Iterable[int]) -> None:
    for pid in living:
        os.kill(pid, signal.SIGTERM)


def become(request: Request) -> None:
    """Become a process of its own: tied to the fork server, in its own session, with its name."""
    tie()
    os.setsid()
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for standard in (1, 2):
        os.dup2(request.output, standard)
    os.close(request.output)
    os.environ.update(request.environment)
    sys.argv = list(request.command)
    setproctitle(" ".join(request.command))
    runpy.run_module(request.command[0], run_name="__main__", alter_sys=True)


def _asked(channel: socket.socket) -> Request | None:
    try:
        data, descriptors, _, _ = socket.recv_fds(channel, LARGEST_BYTES, 1)
    except ConnectionResetError:
        return None
    while data and not data.endswith(b"\n"):
        data += channel.recv(LARGEST_BYTES)
    if not data:
        return None
    asked: dict[str, Any] = json.loads(data)
    return Request(asked["command"], asked["environment"], descriptors[0])


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _tell(channel: socket.socket, **news: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        channel.sendall(json.dumps(news).encode() + b"\n")


if __name__ == "__main__":
    main()
