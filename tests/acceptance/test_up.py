"""`manage.py up`: comes up, stays up, goes down, and says what is wrong in one sentence."""

import re
import signal
import socket
import threading
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.installation import Installation, free_port, running, wait_until


def test_everything_comes_up_and_goes_down_without_a_trace(tmp_path: Path) -> None:
    with running(tmp_path) as parley:
        processes = parley.children()
        commands = [" ".join(each.cmdline()) for each in processes]
        for word in ("valkey-server", "uvicorn", "worker", "beat"):
            assert any(word in command for command in commands)
        with socket.socket() as elsewhere:
            elsewhere.settimeout(1)
            with pytest.raises(OSError, match="refused"):
                elsewhere.connect(("127.0.0.2", parley.port))  # it listens on 127.0.0.1 alone

        took = parley.stop(with_signal=signal.SIGINT)

        assert took < 10
        assert parley.process is not None
        assert parley.process.returncode == 0
        assert not [each for each in processes if each.is_running()]
        assert not any("Traceback" in line for line in parley.lines)
        assert {line.partition("|")[0].strip() for line in parley.lines if "|" in line} <= {
            "parley",
            "redis",
            "web",
            "worker",
            "beat",
        }


def test_the_link_signs_in_once(tmp_path: Path) -> None:
    with running(tmp_path) as parley:
        assert re.fullmatch(rf"http://127\.0\.0\.1:{parley.port}/\?token=\S+", parley.link)
        with httpx.Client(follow_redirects=True) as browser:
            assert browser.get(parley.link).status_code == 200
            assert browser.get(f"{parley.url}/admin/").status_code == 200
            assert browser.get(f"{parley.url}/static/chat/thread.js").status_code == 200
        assert httpx.get(parley.link).status_code == 403
        assert httpx.get(parley.url).status_code == 403
        assert httpx.get(f"{parley.url}/readyz").json() == {"status": "ok"}
        token = parley.link.partition("token=")[2]
        assert not any(token in line for line in parley.lines if not line.startswith("Open "))


@pytest.mark.parametrize("word", ["valkey-server", "uvicorn", "worker", "beat"])
def test_one_that_is_killed_comes_back(parley: Installation, word: str) -> None:
    killed = parley.child(word)
    killed.kill()

    def is_back() -> bool:
        return any(
            word in " ".join(each.cmdline()) for each in parley.children() if each.pid != killed.pid
        )

    wait_until(is_back, seconds=20, what=f"a new {word}")
    wait_until(lambda: _answers(parley), seconds=20, what="an answer")


def _answers(parley: Installation) -> bool:
    """Tell whether a message is answered, from end to end."""
    try:
        with parley.client() as client:
            thread = client.post("/threads", json={"agent": "demo"}).json()["id"]
            client.post(f"/threads/{thread}/messages", json={"content": "Hello"})
            asked = threading.Event()
            for _ in range(40):
                items = client.get(f"/threads/{thread}/messages").json()["items"]
                if [item["role"] for item in items] == ["user", "assistant"]:
                    return True
                asked.wait(0.25)
    except (httpx.HTTPError, KeyError, AssertionError):
        return False
    return False


def refused(folder: Path, **settings: str) -> str:
    """Try to start; return the one sentence that comes instead."""
    installation = Installation(folder, **settings)
    done = installation.command("up")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("parley: ")
    assert line.endswith(".")
    return line


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        line = refused(tmp_path, PARLEY_PORT=str(port))

    assert f"Can't listen on 127.0.0.1:{port}" in line
    assert "PARLEY_PORT" in line


def test_bad_settings_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "PARLEY_PORT" in refused(tmp_path, PARLEY_PORT="eighty")
    assert "DATABASE_URL" in refused(tmp_path, DATABASE_URL="mysql://x/y")
    nobody = f"redis://127.0.0.1:{free_port()}/0"
    assert "REDIS_URL does not answer" in refused(tmp_path, REDIS_URL=nobody)
    nobody = f"postgres://x:y@127.0.0.1:{free_port()}/z"
    assert "DATABASE_URL can't be used" in refused(tmp_path, DATABASE_URL=nobody)
    assert "PARLEY_DATA_DIR" in refused(tmp_path, PARLEY_DATA_DIR=str(tmp_path / "file" / "x"))


def test_a_second_one_in_the_same_folder_is_refused(parley: Installation) -> None:
    assert "already runs" in refused(parley.folder)


def test_a_supervisor_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as parley:
        processes = parley.children()
        assert parley.process is not None
        parley.process.kill()

        wait_until(
            lambda: not [p for p in processes if psutil.pid_exists(p.pid)],
            seconds=10,
            what="the end of all children",
        )
