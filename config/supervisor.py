"""One parent for all processes: starts them in order, restarts them, ends them together."""

import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from config.children import Child, ForkServer, Spawned
from config.env import ConfigError

READY_SECONDS = 60.0
STOP_SECONDS = 7.0
MAX_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0
PAUSE_SECONDS = 0.5  # doubles with each death; one that has lived longer is started at once
TICK_SECONDS = 0.1


@dataclass
class Service:
    """A process to keep running.

    Attributes:
        name: Stands before its log lines.
        command: What to start: a program, or a module of ours, and its arguments.
        ready: Tells whether it answers.
        environment: What it has on top of ours. `PARLEY_PROCESS` comes to it, a name that no
            other process has or will have, and for one that is started again
            `PARLEY_PREDECESSOR`, the name of the one that is gone.
        forked: Whether it is a module of ours, which the fork server forks.
        needed_by_others: Whether it has to answer before the others start, and to end last.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    forked: bool = False
    needed_by_others: bool = False
    process: Child | None = None
    identity: str = ""
    starts: "deque[float]" = field(default_factory=lambda: deque(maxlen=MAX_RESTARTS + 1))


class Supervisor:
    """Keeps services running until it is told to stop."""

    def __init__(
        self,
        services: Sequence[Service],
        *,
        write: Callable[[str], None],
        forks: ForkServer | None = None,
    ) -> None:
        """Make a supervisor.

        Args:
            services: What to run, in the order of their start; they end in the reverse order.
            write: Takes each line of their logs.
            forks: Forks those services that are modules of ours.
        """
        self._services = list(services)
        self._write = write
        self._forks = forks
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, *, started: Callable[[], None]) -> None:
        """Start everything, call `started`, and stay until a signal or a failure.

        Raises:
            ConfigError: A service does not come up, or dies again and again.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            for group in self._groups():
                for service in group:
                    self._start(service)
                for service in group:
                    self._await(service)
            if not self._stopping:
                started()
            while not self._stopping:
                time.sleep(TICK_SECONDS)
                self._restart_the_dead()
        finally:
            self._stop_all()

    def _groups(self) -> list[list[Service]]:
        """Return what starts together: first what others need, then those others."""
        first = [each for each in self._services if each.needed_by_others]
        return [first, [each for each in self._services if not each.needed_by_others]]

    def _on_signal(self, *_: object) -> None:
        self._stopping = True

    def _start(self, service: Service) -> None:
        if self._stopping:
            return
        service.starts.append(time.monotonic())
        predecessor = service.identity
        service.identity = f"{socket.gethostname()}:{service.name}:{uuid4().hex}"
        names = {"PARLEY_PROCESS": service.identity, "PARLEY_PREDECESSOR": predecessor}
        start = self._forks.fork if self._forks and service.forked else Spawned
        service.process = start(service.command, {**service.environment, **names})
        threading.Thread(
            target=self._copy, args=(service.name, service.process), daemon=True
        ).start()

    def _await(self, service: Service) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._stopping:
            if service.process is not None and (code := service.process.poll()) is not None:
                msg = f"{service.name} ended at its start (exit code {code}); see its lines above."
                raise ConfigError(msg)
            if service.ready():
                return
            if time.monotonic() > deadline:
                msg = f"{service.name} does not answer after {READY_SECONDS:.0f} s."
                raise ConfigError(msg)
            time.sleep(TICK_SECONDS / 2)

    def _restart_the_dead(self) -> None:
        for service in self._services:
            if self._stopping or service.process is None:
                continue
            if (code := service.process.poll()) is None:
                continue
            now = time.monotonic()
            recent = [at for at in service.starts if now - at < RESTART_WINDOW_SECONDS]
            if len(recent) > MAX_RESTARTS:
                msg = f"{service.name} has died {len(recent)} times within a minute. Giving up."
                raise ConfigError(msg)
            if len(recent) > 1 and now - recent[-1] < PAUSE_SECONDS * 2 ** (len(recent) - 2):
                continue
            self.say(f"{service.name} has died (exit code {code}); starting it again.")
            self._start(service)

    def _stop_all(self) -> None:
        """End all children: asked first, in the reverse order of their start, then killed."""
        self._stopping = True
        running = [each for each in reversed(self._services) if _is_alive(each)]
        deadline = time.monotonic() + STOP_SECONDS
        for group in reversed(self._groups()):
            for service in reversed(group):
                _signal(service, signal.SIGTERM)
            while any(map(_is_alive, group)) and time.monotonic() < deadline:
                time.sleep(TICK_SECONDS / 2)
        for service in running:
            if _is_alive(service):
                self.say(f"{service.name} does not end by itself; killing it.")
            _signal(service, signal.SIGKILL)

    def say(self, line: str) -> None:
        """Write a line of the supervisor's own."""
        self._print("parley", line)

    def _copy(self, name: str, process: Child) -> None:
        with process.lines as lines:
            for line in lines:
                self._print(name, line.decode(errors="replace").rstrip())

    def _print(self, name: str, line: str) -> None:
        with self._lock:
            self._write(f"{name:<8}| {line}")


def _is_alive(service: Service) -> bool:
    return service.process is not None and service.process.poll() is None


def _signal(service: Service, number: signal.Signals) -> None:
    """Signal a child: politely to itself, deadly to its whole group."""
    if service.process is None:
        return
    try:
        if number == signal.SIGKILL:
            os.killpg(service.process.pid, number)
        else:
            service.process.send_signal(number)
    except (ProcessLookupError, PermissionError):
        pass
    if number == signal.SIGKILL:
        service.process.wait()
