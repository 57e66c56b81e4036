"""Programs that nobody has read: what they can do, and that they can't get out.

Where nothing can be run safely, the same tests see that nothing is run.
"""

import os
import threading
import time
from pathlib import Path

import pytest

from agents.cancellation import Cancellation
from agents.errors import Cancelled, ToolError
from agents.tools import ToolContext, sandbox
from agents.tools.builtin.code import code_runner
from agents.tools.workspace import Workspace

SAFE = sandbox.why_not() == ""


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    """A run with a workspace that has a file."""
    workspace = Workspace(tmp_path / "space")
    workspace.write("data/in.txt", b"21")
    return ToolContext(workspace=workspace)


def run(code: str, context: ToolContext, seconds: float = 10) -> sandbox.Outcome:
    """Run a program; where nothing is run safely, see that it is refused."""
    if not SAFE:
        with pytest.raises(ToolError, match="Code is not run here"):
            sandbox.run(code, seconds=seconds, context=context)
        return sandbox.Outcome(-1, "", "", "refused", (), ())
    return sandbox.run(code, seconds=seconds, context=context)


def test_a_program_reads_computes_and_writes(context: ToolContext) -> None:
    done = run(
        "import pathlib\n"
        "number = int(pathlib.Path('data/in.txt').read_text())\n"
        "pathlib.Path('out').mkdir()\n"
        "pathlib.Path('out/grüße.txt').write_text(str(number * 2))\n"
        "print('wrote', number * 2)\n",
        context,
    )

    if SAFE:
        assert (done.exit_code, done.stdout, done.stderr, done.ended) == (0, "wrote 42\n", "", "")
        assert done.changed == ("out/grüße.txt",)
        assert context.workspace is not None
        assert context.workspace.read("out/grüße.txt") == b"42"


def test_a_mistake_is_told(context: ToolContext) -> None:
    done = run("print(1 / 0)", context)

    if SAFE:
        assert done.exit_code == 1
        assert "ZeroDivisionError" in done.stderr


ESCAPES = {
    "the network": "import socket; socket.create_connection(('127.0.0.1', 1), 2)",
    "a name": "import socket; print(socket.getaddrinfo('example.org', 80))",
    "the system's secrets": "print(open('/etc/shadow').read())",
    "the people": "print(open('/etc/passwd').read())",
    "home": "import os; print(os.listdir('/root'), os.listdir('/home'))",
    "the workspace itself": f"print(open({str(Path(__file__))!r}).read())",
    "the system's files": "open('/usr/bin/x', 'w')",
    "the root": "open('/x', 'w')",
    "the devices": "open('/dev/x', 'w')",
    "its own program": "open('/main.py', 'w')",
    "a mount": "import ctypes, os; l = ctypes.CDLL(None, use_errno=True)\n"
    "assert l.mount(b'none', b'/space', b'tmpfs', 0, None) == 0, os.strerror(ctypes.get_errno())",
    "more namespaces": "import ctypes, os; l = ctypes.CDLL(None, use_errno=True)\n"
    "assert l.unshare(0x10000000) == 0, os.strerror(ctypes.get_errno())",
    "root": "import os; os.setuid(0)",
    "a chroot": "import os; os.chroot('/tmp')",
    "a device": "import os; os.mknod('/space/sda', 0o60660, os.makedev(8, 0))",
    "a socket": "import socket; socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    "the parent": f"import os; os.kill({os.getpid()}, 9)",
}


@pytest.mark.parametrize("what", ESCAPES)
def test_nobody_gets_out(context: ToolContext, what: str) -> None:
    done = run(f"{ESCAPES[what]}\nprint('GOT OUT')", context)

    assert done.exit_code != 0
    assert "GOT OUT" not in done.stdout


def test_it_sees_no_other_process_and_no_secret(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "the-secret")

    done = run(
        "import os\n"
        "print(len([each for each in os.listdir('/proc') if each.isdigit()]))\n"
        "print(dict(os.environ))\n"
        "for each in ('/proc/1/environ', '/proc/self/environ', '/proc/mounts'):\n"
        "    try:\n        print(open(each).read())\n"
        "    except OSError as error:\n        print(error)\n",
        context,
    )

    if SAFE:
        assert int(done.stdout.split()[0]) <= 3
        assert "the-secret" not in done.stdout
        assert "A_SECRET" not in done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nwhile True: time.sleep(1)",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\ntime.sleep(600)",
    ],
)
def test_it_ends_in_time_with_all_its_children(context: ToolContext, code: str) -> None:
    began = time.monotonic()

    done = run(code, context, seconds=1)

    if SAFE:
        assert "longer than 1 s" in done.ended
        assert time.monotonic() - began < 3


def test_a_child_does_not_outlive_it(context: ToolContext) -> None:
    done = run(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    time.sleep(1)\n"
        "    open('late', 'w').write('late')\n"
        "else:\n    print('gone')\n",
        context,
    )

    if SAFE:
        assert done.stdout == "gone\n"
        assert done.changed == ()


def test_it_gets_so_many_processes_and_no_more(context: ToolContext) -> None:
    done = run(
        "import os, time\n"
        "count = 0\n"
        "try:\n"
        "    while count < 500:\n"
        "        if os.fork() == 0:\n            time.sleep(5); os._exit(0)\n"
        "        count += 1\n"
        "except OSError:\n    pass\n"
        "print(count)\n",
        context,
    )

    if SAFE:
        assert int(done.stdout) < 100


def test_it_gets_so_much_memory_and_no_more(context: ToolContext) -> None:
    done = run("x = bytearray(2_000_000_000)\nprint('GOT IT')", context)

    assert "GOT IT" not in done.stdout
    if SAFE:
        assert "MemoryError" in done.stderr


def test_what_it_prints_is_bounded(context: ToolContext) -> None:
    done = run("print('x' * 1_000_000)", context)

    if SAFE:
        assert len(done.stdout) < 201_000
        assert done.stdout.endswith("[… cut]")


def test_what_it_writes_is_bounded(context: ToolContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MOST_BYTES", 10_000_000)

    done = run(
        "import time\n"
        "for n in range(50):\n"
        "    open(f'f{n}', 'wb').write(b'x' * 3_000_000)\n    time.sleep(0.05)\n",
        context,
    )
    one = run("open('one', 'wb').write(b'x' * 30_000_000)", ToolContext())

    if SAFE:
        assert "wrote more than" in done.ended
        assert one.exit_code != 0


def test_what_it_leaves_is_taken_over_with_care(context: ToolContext, tmp_path: Path) -> None:
    done = run(
        "import os\n"
        "os.symlink('/etc/passwd', 'link')\n"
        "os.symlink('/', 'folder')\n"
        "os.mkfifo('pipe')\n"
        "open('large', 'wb').write(b'x' * 6_000_000)\n"
        "open('fine', 'w').write('fine')\n"
        "os.remove('data/in.txt')\n",
        context,
    )

    if SAFE:
        assert done.changed == ("fine",)
        assert [each for each in done.refused if "large" in each]
        assert {each.name for each in (tmp_path / "space").iterdir()} == {"data", "fine"}


def test_without_a_workspace_it_runs_in_an_empty_folder() -> None:
    done = run("import os; print(os.listdir('.')); open('x', 'w')", ToolContext())

    if SAFE:
        assert (done.stdout, done.changed) == ("[]\n", ())


def test_stop_ends_it(context: ToolContext) -> None:
    cancellation = Cancellation()
    stopped = ToolContext(workspace=context.workspace, cancellation=cancellation)
    if not SAFE:
        run("", stopped)
        return
    threading.Timer(0.5, cancellation.cancel).start()
    began = time.monotonic()

    with pytest.raises(Cancelled):
        sandbox.run("import time; time.sleep(60)", seconds=30, context=stopped)

    assert time.monotonic() - began < 5


def test_nothing_is_run_without_a_sandbox(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_probed", lambda: "bubblewrap is not installed.")

    with pytest.raises(ToolError, match="not run here: bubblewrap is not installed"):
        sandbox.run("open('x', 'w')", seconds=1, context=context)


def test_the_tool_says_what_it_did(context: ToolContext) -> None:
    arguments = code_runner.parse("{\"code\": \"print(6 * 7); open('x', 'w').write('y')\"}")
    if not SAFE:
        with pytest.raises(ToolError):
            code_runner.call(arguments, context)
        return

    assert code_runner.call(arguments, context) == {
        "exit_code": 0,
        "stdout": "42\n",
        "stderr": "",
        "sandbox": "bubblewrap",
        "files_written": ["x"],
    }
