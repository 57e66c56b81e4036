"""Running a program that nobody has read: without a network, bounded, and away from everything.

Bubblewrap gives it namespaces of its own: no network, no other processes, of the system's files
only programs and libraries, read-only. It works on a copy of the agent's files, as nobody if Parley
runs as root; what it leaves behind is taken over file by file. Where that can't be had, nothing is
run.
"""

import contextlib
import os
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agents.errors import Cancelled, ToolError
from agents.tools.context import ToolContext
from agents.tools.workspace import MOST_FILE_BYTES, Workspace

NAME = "bubblewrap"
NOBODY = 65_534
CPU_SECONDS = 30
MEMORY_BYTES = 600_000_000  # of each process
MOST_PROCESSES = 32
MOST_OPEN_FILES = 256
MOST_BYTES = 100_000_000  # of all files together
MOST_FILES = 2_000
MOST_OUTPUT = 200_000  # bytes of each stream that are kept
LOOK_SECONDS = 0.05
PROBE_SECONDS = 10.0
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a program. `ended` says why it was ended early, if it was."""

    exit_code: int
    stdout: str
    stderr: str
    ended: str
    changed: tuple[str, ...]
    refused: tuple[str, ...]


def why_not() -> str:
    """Say why nothing can be run safely here; nothing if it can."""
    return _probed()


def run(code: str, *, seconds: float, context: ToolContext) -> Outcome:
    """Run a Python program on a copy of a run's files, and take over what it changes.

    Args:
        code: The program.
        seconds: How long it may take.
        context: The run: its workspace, if it has one, and its cancellation.

    Raises:
        ToolError: Nothing can be run safely here, or its files are too large to be copied.
        Cancelled: Somebody pressed stop.
    """
    if reason := why_not():
        msg = f"Code is not run here: {reason}"
        raise ToolError(msg)
    with _folder() as folder:
        work = folder / "work"
        work.mkdir()
        before = _copied_in(context.workspace, work)
        (folder / "main.py").write_text(code, encoding="utf-8", errors="replace")
        _give_away(folder)
        exit_code, ended = _watched(folder, seconds, context)
        changed, refused = _taken_over(context.workspace, work, before)
        return Outcome(
            exit_code=exit_code,
            stdout=_output(folder / "stdout"),
            stderr=_output(folder / "stderr"),
            ended=ended,
            changed=tuple(changed),
            refused=tuple(refused),
        )


@lru_cache(maxsize=1)
def _probed() -> str:
    """Try the sandbox once: whether it starts, and whether it has no network."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (apt-get install bubblewrap)."
    if _python() is None:
        return "there is no Python in /usr/bin or /usr/local/bin."
    probe = (
        "import socket\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), 1)\n"
        "except OSError as error:\n    print('closed', error.errno)\n"
    )
    with _folder() as folder:
        (folder / "work").mkdir()
        (folder / "main.py").write_text(probe)
        _give_away(folder)
        code, ended = _watched(folder, PROBE_SECONDS, ToolContext())
        if code or ended or not _output(folder / "stdout").startswith("closed"):
            said = " ".join(_output(folder / "stderr").split())[:200]
            return f"bubblewrap can't make namespaces on this system ({said or ended})."
    return ""


def _python() -> str | None:
    return next((each for each in PYTHONS if Path(each).exists()), None)


def command(folder: Path) -> list[str]:
    """Return what starts a program in the sandbox: `folder` has main.py and work/."""
    bound = [part for path in SYSTEM if Path(path).exists() for part in ("--ro-bind", path, path)]
    python = _python() or PYTHONS[0]
    return [
        "bwrap",
        "--unshare-all",
        "--disable-userns",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
        "--clearenv",
        *("--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin"),
        *("--setenv", "HOME", "/space"),
        *("--setenv", "LANG", "C.UTF-8"),
        *bound,
        *("--proc", "/proc"),
        *("--dev", "/dev"),
        *("--size", "50000000", "--tmpfs", "/tmp"),  # noqa: S108  (the sandbox's own)
        *("--ro-bind", str(folder / "main.py"), "/main.py"),
        *("--bind", str(folder / "work"), "/space"),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/space"),
        *("--uid", "1000", "--gid", "1000", "--hostname", "sandbox"),
        *(python, "-I", "-B", "-X", "utf8", "/main.py"),
    ]


def _watched(folder: Path, seconds: float, context: ToolContext) -> tuple[int, str]:
    """Run the program and look after it; return its exit code, and why it was ended early."""
    until = time.monotonic() + seconds
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(  # noqa: S603
            command(folder),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", "/usr/bin")},
            preexec_fn=_limits(),  # noqa: PLW1509  (only system calls; no other way to set limits)
            start_new_session=True,
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return process.wait(LOOK_SECONDS), ""
                context.cancellation.check()
                if time.monotonic() > until:
                    return _ended(process), f"It took longer than {seconds:g} s."
                if _too_much(folder):
                    return _ended(process), f"It wrote more than {MOST_BYTES:,} bytes."
        except Cancelled:
            _ended(process)
            raise


def _ended(process: "subprocess.Popen[bytes]") -> int:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def _limits() -> Callable[[], None]:
    """Return what a child does before it becomes the sandbox."""
    processes = MOST_PROCESSES + (0 if os.getuid() == 0 else _own_processes())
    limits = (
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, MOST_FILE_BYTES * 4),
        (resource.RLIMIT_NOFILE, MOST_OPEN_FILES),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
    )
    as_root = os.getuid() == 0

    def apply() -> None:
        if as_root:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        for kind, most in limits:
            resource.setrlimit(kind, (most, most))

    return apply


def _own_processes() -> int:
    """Return how many threads this user runs: the limit counts them, too."""
    count = 0
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if each.name.isdigit() and each.stat().st_uid == os.getuid():
                count += len(list((each / "task").iterdir()))
    return count


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="parley-code-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _give_away(folder: Path) -> None:
    """Let the program's user work in a folder."""
    if os.getuid() != 0:
        return
    for place, folders, files in os.walk(folder):
        inside = (Path(place) / name for name in (*folders, *files))
        for each in (Path(place), *inside):
            os.chown(each, NOBODY, NOBODY, follow_symlinks=False)


def _copied_in(workspace: Workspace | None, work: Path) -> dict[str, bytes]:
    """Copy a workspace's files; return what they hold."""
    held: dict[str, bytes] = {}
    if workspace is None or not workspace.root.exists():
        return held
    total = 0
    for found in workspace.walk():
        if found.is_folder:
            (work / found.path).mkdir(parents=True, exist_ok=True)
            continue
        total += found.size
        if total > MOST_BYTES or len(held) >= MOST_FILES:
            msg = f"The workspace has more than {MOST_FILES} files or {MOST_BYTES:,} bytes."
            raise ToolError(msg)
        if found.size <= MOST_FILE_BYTES:
            held[found.path] = workspace.read(found.path)
            target = work / found.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(held[found.path])
    return held


def _taken_over(
    workspace: Workspace | None, work: Path, before: dict[str, bytes]
) -> tuple[list[str], list[str]]:
    """Write what was changed back into the workspace; return that, and what could not be."""
    changed: list[str] = []
    refused: list[str] = []
    left = Workspace(work)
    for found in left.walk() if workspace is not None else ():
        if found.is_folder or len(changed) >= MOST_FILES:
            continue
        try:
            content = left.read(found.path)
            if before.get(found.path) != content:
                assert workspace is not None  # noqa: S101  (for the type checker)
                workspace.write(found.path, content)
                changed.append(found.path)
        except ToolError as error:
            refused.append(str(error))
    return changed, refused


def _too_much(folder: Path) -> bool:
    total = count = 0
    waiting: list[Path] = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    total += found.st_size
                    count += 1
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append(Path(entry.path))
        except OSError:
            continue
        if total > MOST_BYTES or count > MOST_FILES * 10:
            return True
    return False


def _output(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(MOST_OUTPUT + 1)
    text = content[:MOST_OUTPUT].decode(errors="replace")
    return f"{text}\n[… cut]" if len(content) > MOST_OUTPUT else text
