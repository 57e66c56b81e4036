"""The supervisor, with real children."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from config.env import ConfigError
from config.supervisor import Service, Supervisor
from tests.support.installation import wait_until

STAY = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAY


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Put the handlers back that a supervisor replaces."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    kept = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def service(name: str, code: str, ready: Callable[[], bool] = lambda: True) -> Service:
    return Service(name, [sys.executable, "-c", code], ready)


def stop_soon(condition: Callable[[], bool]) -> None:
    """Press Ctrl-C when a condition holds."""

    def press() -> None:
        try:
            wait_until(condition, seconds=20, what="the moment to stop")
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


def test_children_start_in_order_and_leave_nothing(tmp_path: Path) -> None:
    lines: list[str] = []
    mark = tmp_path / "mark"
    first = service("first", f"import pathlib; pathlib.Path({str(mark)!r}).touch(); {STAY}")
    first.ready = mark.exists
    first.needed_by_others = True
    second = service(
        "second", f"import pathlib; assert pathlib.Path({str(mark)!r}).exists(); {STAY}"
    )
    started: list[bool] = []
    supervisor = Supervisor([second, first], write=lines.append)
    stop_soon(lambda: len(lines) == 2)

    supervisor.run(started=lambda: started.append(mark.exists()))

    assert started == [True]
    assert sorted(lines) == ["first   | up", "second  | up"]
    for each in (first, second):
        assert each.process is not None
        assert not psutil.pid_exists(each.process.pid)


def test_one_that_dies_is_started_again() -> None:
    lines: list[str] = []
    mortal = service("mortal", STAY)
    supervisor = Supervisor([mortal], write=lines.append)

    def kill() -> None:
        assert mortal.process is not None
        mortal.process.send_signal(signal.SIGKILL)

    died = "parley  | mortal has died (exit code -9); starting it again."
    stop_soon(lambda: died in lines and lines[-1] == "mortal  | up")
    supervisor.run(started=kill)

    assert lines.count(died) == 1


def test_one_that_is_started_again_knows_in_whose_place_it_is() -> None:
    lines: list[str] = []
    names = (
        "import os; print(os.environ['PARLEY_PROCESS'], os.environ['PARLEY_PREDECESSOR'] or '-')"
    )
    mortal = service("mortal", f"{names}; {STAY}")
    supervisor = Supervisor([mortal], write=lines.append)

    def kill() -> None:
        wait_until(lambda: "mortal  | up" in lines, seconds=10, what="its start")
        assert mortal.process is not None
        mortal.process.send_signal(signal.SIGKILL)

    stop_soon(lambda: lines.count("mortal  | up") == 2)
    supervisor.run(started=kill)

    first, second = [line.split()[2:] for line in lines if ":mortal:" in line]
    assert first[1] == "-"
    assert second == [mortal.identity, first[0]]
    assert second[0] != first[0]


def test_one_that_dies_at_once_is_given_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.supervisor.PAUSE_SECONDS", 0.1)
    weak = service("weak", "pass")

    with pytest.raises(ConfigError, match="weak has died 6 times"):
        Supervisor([weak], write=lambda _: None).run(started=lambda: None)

    pauses = [after - before for before, after in pairwise(weak.starts)]
    assert all(pause >= least for pause, least in zip(pauses, (0, 0.1, 0.2, 0.4, 0.8), strict=True))


def test_one_that_dies_again_and_again_ends_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.supervisor.PAUSE_SECONDS", 0.01)
    lines: list[str] = []
    steady = service("steady", STAY)
    supervisor = Supervisor([steady, service("weak", "print('up')")], write=lines.append)

    with pytest.raises(ConfigError, match="weak has died 6 times within a minute"):
        supervisor.run(started=lambda: None)

    assert steady.process is not None
    assert steady.process.poll() is not None


def test_one_that_does_not_come_up_ends_everything() -> None:
    broken = service("broken", "raise SystemExit(3)", ready=lambda: False)

    with pytest.raises(ConfigError, match=r"broken ended at its start \(exit code 3\)"):
        Supervisor([broken], write=lambda _: None).run(started=lambda: None)


def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.supervisor.STOP_SECONDS", 0.3)
    lines: list[str] = []
    stubborn = service("stubborn", STUBBORN)
    stop_soon(lambda: "stubborn| up" in lines)

    Supervisor([stubborn], write=lines.append).run(started=lambda: None)

    assert stubborn.process is not None
    assert stubborn.process.poll() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a parent's death")
def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        f"import os, pathlib; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); {STAY}"
    )
    program = (
        "import sys; from config.supervisor import Service, Supervisor; "
        f"s = Service('child', [sys.executable, '-c', {code!r}], lambda: True); "
        "Supervisor([s], write=print).run(started=lambda: None)"
    )
    parent = psutil.Popen([sys.executable, "-c", program], stdout=-3)
    wait_until(lambda: pid_file.exists() and pid_file.read_text(), seconds=10, what="the child")
    child = int(pid_file.read_text())

    parent.kill()
    parent.wait()

    wait_until(lambda: not psutil.pid_exists(child), seconds=5, what="the child's end")
