"""Child processes: programs of others, and our own, which the fork server forks."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, Self, cast

from config.env import ConfigError

LEASH = Path(__file__).with_name("leash.py")
LOST = 255  # the exit code of a process whose fork server has died: nobody knows
LARGEST_BYTES = 65_536


class Child(Protocol):
    """A process that was started, in a session of its own."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def lines(self) -> BinaryIO:
        """What it writes, to its standard output and error."""

    def poll(self) -> int | None:
        """Return its exit code, negative for a signal, or None while it runs."""

    def wait(self) -> int:
        """Wait for its end; return its exit code."""

    def send_signal(self, number: int) -> None:
        """Signal it, if it still runs."""


class Spawned:
    """A program: any command."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program that ends when this process does.

        Args:
            command: The program and its arguments.
            environment: What it has on top of ours.
        """
        self._process = subprocess.Popen(  # noqa: S603  (our own list)
            [sys.executable, "-S", "-E", str(LEASH), str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for the supervisor alone
        )
        self.pid = self._process.pid
        self.lines = cast("BinaryIO", self._process.stdout)

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        return self._process.wait()

    def send_signal(self, number: int) -> None:
        """Signal it, if it still runs."""
        self._process.send_signal(number)


class ForkServer:
    """Our end of `config.fork_server`. For one thread."""

    def __init__(self) -> None:
        """Start it; it loads beside whatever comes next."""
        self._unread = b""
        self._forked = 0
        self._codes: dict[int, int | None] = {}
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it. What it has forked and still runs ends, too."""
        self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def fork(self, command: Sequence[str], environment: Mapping[str, str]) -> "Forked":
        """Have a module run, as by `python -m`, in a process that has everything loaded.

        Args:
            command: The module and its arguments.
            environment: What it has on top of the fork server's, which is ours at its start.

        Raises:
            ConfigError: The fork server does not come up.
        """
        if self._process is None:
            self._start()
        request = {"command": list(command), "environment": dict(environment)}
        reader, writer = os.pipe()
        lines = cast("BinaryIO", os.fdopen(reader, "rb"))
        self._forked = 0
        try:
            socket.send_fds(self._channel, [json.dumps(request).encode() + b"\n"], [writer])
        except OSError:  # it has just died
            self._lose()
        finally:
            os.close(writer)
        while self._process is not None and not self._forked:
            self._listen()
        if not self._forked:
            lines.close()
            msg = "The process that forks the others ended at its start; see its lines above."
            raise ConfigError(msg)
        return Forked(self, self._forked, lines)

    def code_of(self, pid: int, *, patiently: bool = False) -> int | None:
        """Return a fork's exit code, or None while it runs.

        Args:
            pid: Its number.
            patiently: Wait for its end.
        """
        while self._codes[pid] is None and (patiently or self._has_news()):
            self._listen()
        return self._codes[pid]

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "config.fork_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def _has_news(self) -> bool:
        ready, _, _ = select.select([self._channel], [], [], 0)
        return bool(ready)

    def _listen(self) -> None:
        """Wait for news, and note them."""
        try:
            data = self._channel.recv(LARGEST_BYTES)
        except ConnectionResetError:
            data = b""
        if not data:
            self._lose()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            news: dict[str, int] = json.loads(line)
            if "forked" in news:
                self._forked = news["forked"]
                self._codes[self._forked] = None
            else:
                self._codes[news["ended"]] = news["code"]

    def _lose(self) -> None:
        """Note that it has died. Its forks are told by the kernel; make sure that they do end."""
        self._channel.close()
        self._unread = b""
        if self._process is not None:
            self._process.wait()
            self._process = None
        for pid in [pid for pid, code in self._codes.items() if code is None]:
            self._codes[pid] = LOST
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)


class Forked:
    """A process that the fork server forked."""

    def __init__(self, server: ForkServer, pid: int, lines: BinaryIO) -> None:
        self._server = server
        self.pid = pid
        self.lines = lines

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        return self._server.code_of(self.pid)

    def wait(self) -> int:
        """Wait for its end; return its exit code."""
        return cast("int", self._server.code_of(self.pid, patiently=True))

    def send_signal(self, number: int) -> None:
        """Signal it, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)
