"""Processes that are forked from one that has everything loaded."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config.children import LOST, ForkServer
from config.env import ConfigError
from config.supervisor import Service, Supervisor
from tests.support.installation import wait_until

PROGRAM = """
import atexit, os, sys, threading
atexit.register(print, "goodbye")
print(sys.argv[1:], os.environ["MARK"], __name__, threading.active_count(), flush=True)
print("a fault", file=sys.stderr, flush=True)
sys.exit(3)
"""
STAY = """
import signal, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """A fork server that finds modules to run."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "forked_program.py").write_text(PROGRAM)
    (folder / "forked_stay.py").write_text(STAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        with ForkServer() as server:
            yield server


def test_a_module_runs_as_if_it_were_started_alone(forks: ForkServer) -> None:
    child = forks.fork(["forked_program", "--name", "x"], {"MARK": "kept"})

    assert child.wait() == 3
    assert child.poll() == 3
    with child.lines as lines:
        assert lines.read().decode().splitlines() == [
            "['--name', 'x'] kept __main__ 1",
            "a fault",
            "goodbye",
        ]
    child.send_signal(signal.SIGTERM)  # too late, and no fault
    assert "MARK" not in os.environ


def test_it_has_its_name_and_session_and_ends_when_it_is_told(forks: ForkServer) -> None:
    child = forks.fork(["forked_stay", "--for", "ever"], {})
    other = forks.fork(["forked_stay"], {})
    with child.lines as lines, other.lines as others:
        assert lines.readline() == others.readline() == b"up\n"
        assert " ".join(psutil.Process(child.pid).cmdline()).strip() == "forked_stay --for ever"
        assert os.getsid(child.pid) == child.pid
        assert child.poll() is None

        child.send_signal(signal.SIGTERM)

        assert child.wait() == -signal.SIGTERM
        assert lines.read() == b""  # nobody else holds its end
        assert other.poll() is None
        other.send_signal(signal.SIGINT)
        assert other.wait() == -signal.SIGINT
        assert others.read().endswith(b"KeyboardInterrupt\n")


def test_what_is_loaded_has_no_threads_and_no_connections(forks: ForkServer) -> None:
    child = forks.fork(["forked_stay"], {})
    with child.lines as lines:
        lines.readline()
        server = psutil.Process(psutil.Process(child.pid).ppid())
        assert " ".join(server.cmdline()).strip() == "parley: fork server"
        assert server.num_threads() == 1
        assert server.net_connections("inet") == []
        assert server.open_files() == []
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_a_fork_server_that_is_killed_is_replaced_and_leaves_nothing(forks: ForkServer) -> None:
    child = forks.fork(["forked_stay", "stubborn"], {})
    with child.lines as lines:
        lines.readline()
        psutil.Process(psutil.Process(child.pid).ppid()).kill()

        assert child.wait() == LOST

        wait_until(lambda: not _runs(child.pid), seconds=5, what="its end")
    again = forks.fork(["forked_program"], {"MARK": "again"})
    with again.lines:
        assert again.wait() == 3


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_supervisor_starts_again_what_was_forked(forks: ForkServer) -> None:
    lines: list[str] = []

    def note(line: str) -> None:
        lines.append(line)
        if lines.count("mortal  | up") == 2:
            os.kill(os.getpid(), signal.SIGINT)

    mortal = Service("mortal", ["forked_stay"], lambda: "mortal  | up" in lines, forked=True)
    supervisor = Supervisor([mortal], write=note, forks=forks)
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    first: list[int] = []

    def kill() -> None:
        assert mortal.process is not None
        first.append(mortal.process.pid)
        os.kill(mortal.process.pid, signal.SIGKILL)

    try:
        supervisor.run(started=kill)
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)

    assert "parley  | mortal has died (exit code -9); starting it again." in lines
    assert mortal.process is not None
    assert mortal.process.pid != first[0]
    assert mortal.process.poll() == -signal.SIGTERM


def test_one_that_does_not_come_up_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    monkeypatch.setenv("PARLEY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PARLEY_PORT", "eighty")

    with ForkServer() as forks, pytest.raises(ConfigError, match="see its lines above"):
        forks.fork(["this"], {})

    assert "PARLEY_PORT" in capfd.readouterr().err
