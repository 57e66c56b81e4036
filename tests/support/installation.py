"""A whole Parley in a folder of its own: `manage.py up`, the way a person runs it."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 90
OURS = re.compile(r"^(OPENAI|ANTHROPIC|OLLAMA|DATABASE|REDIS|PARLEY|DJANGO|LLM|THREAD|LOG)_")


class Installation:
    """A running Parley."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        self.environment = {
            **kept,
            "PARLEY_DATA_DIR": str(folder),
            "PARLEY_PORT": str(self.port),
            **settings,
        }
        self.lines: list[str] = []
        self.link = ""
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run one of its commands."""
        return subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self) -> None:
        """Start it and wait for its link."""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        wait_until(lambda: self.link or self.ended, seconds=START_SECONDS, what="the link")
        if not self.link:
            raise AssertionError("\n".join(self.lines))

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.process is not None and self.process.poll() is not None

    def stop(self, *, with_signal: signal.Signals = signal.SIGTERM) -> float:
        """End it the way Ctrl-C or a service manager does; return how long it took, in s."""
        assert self.process is not None
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        self.process.wait(30)
        return time.monotonic() - began

    def children(self) -> list[psutil.Process]:
        """Return its processes, without the supervisor."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, word: str) -> psutil.Process:
        """Return the process with this word in its command line."""
        return self.children_named(word)[0]

    def children_named(self, word: str) -> list[psutil.Process]:
        """Return the processes with this word in their command line; folders don't count."""

        def is_one(process: psutil.Process) -> bool:
            try:
                command = process.cmdline()
            except psutil.Error:  # it has just ended
                return False
            parts = " ".join(command).split()  # valkey writes its own, in one piece
            return any(word in Path(part).name for part in parts)

        return [each for each in self.children() if is_one(each)]

    def until_it_answers(self) -> None:
        """Wait until the web server answers (again)."""

        def answers() -> bool:
            try:
                return httpx.get(f"{self.url}/healthz").status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        wait_until(answers, seconds=20, what="an answer")

    def api_key(self) -> str:
        """Make an API key."""
        made = self.command("apikey", "create", "test")
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def client(self) -> httpx.Client:
        """Return a REST client with a key of its own."""
        headers = {"Authorization": f"Bearer {self.api_key()}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=20)

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self.lines.append(line.rstrip())
                if found := re.match(r"Open (http\S+)", line):
                    self.link = found[1]


@contextlib.contextmanager
def running(folder: Path, **settings: str) -> Iterator[Installation]:
    """Run Parley for a block, and leave nothing behind."""
    installation = Installation(folder, **settings)
    installation.start()
    try:
        yield installation
    finally:
        installation.stop()


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Wait for a condition; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            msg = f"{what} did not come within {seconds} s"
            raise AssertionError(msg)
        pause.wait(0.02)
