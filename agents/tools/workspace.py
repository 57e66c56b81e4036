"""A folder that an agent may read and write, and nothing beside it.

Each path is walked folder by folder from an open descriptor, and no link is ever followed: what
another process swaps in meanwhile leads nowhere else.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from agents.errors import ToolError

MOST_FILE_BYTES = 5_000_000
MOST_BYTES = 200_000_000
MOST_ENTRIES = 10_000
MOST_DEPTH = 40
TEMPORARY = ".parley-"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Found:
    """A file or folder of a workspace. `path` is from its root, with "/" between."""

    path: str
    is_folder: bool
    size: int


class Workspace:
    """An agent's folder. Paths are relative to it; a `ToolError` says what is wrong with one."""

    def __init__(self, root: Path) -> None:
        """Take a folder; it is made with the first file.

        Args:
            root: The folder.
        """
        self.root = root

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            ToolError: It is not there, no file, too large, or outside.
        """
        *folders, name = self._parts(path, file=True)
        with self._folder(folders) as parent, _sentences(path):
            descriptor = os.open(name, _FILE, dir_fd=parent)
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    msg = f"{path!r} is no file."
                    raise ToolError(msg)
                if found.st_size > MOST_FILE_BYTES:
                    msg = f"{path!r} has {found.st_size:,} bytes; {MOST_FILE_BYTES:,} can be read."
                    raise ToolError(msg)
                return file.read(MOST_FILE_BYTES)

    def write(self, path: str, content: bytes) -> None:
        """Write a file, all of it or nothing; folders on the way are made.

        Raises:
            ToolError: It is too large, the workspace is full, or the path is outside.
        """
        *folders, name = self._parts(path, file=True)
        if len(content) > MOST_FILE_BYTES:
            msg = f"That is {len(content):,} bytes; a file may have {MOST_FILE_BYTES:,}."
            raise ToolError(msg)
        used = sum(each.size for each in self.walk())
        if used + len(content) > MOST_BYTES:
            msg = f"The workspace is full: {used:,} of {MOST_BYTES:,} bytes are used."
            raise ToolError(msg)
        with self._folder(folders, make=True) as parent, _sentences(path):
            with contextlib.suppress(FileNotFoundError):
                if not stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                    msg = f"{path!r} is no file."
                    raise ToolError(msg)
            temporary = f"{TEMPORARY}{uuid4().hex}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o644, dir_fd=parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=parent)
                raise

    def make_folder(self, path: str) -> None:
        """Make a folder, and those on the way.

        Raises:
            ToolError: A file is in the way, or the path is outside.
        """
        with self._folder(self._parts(path), make=True):
            pass

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file or folder.

        Raises:
            ToolError: The path is outside.
        """
        parts = self._parts(path)
        if not parts:
            return True
        try:
            with self._folder(parts[:-1]) as parent:
                found = os.stat(parts[-1], dir_fd=parent, follow_symlinks=False)
        except (ToolError, OSError):
            return False
        return stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)

    def listed(self, path: str = ".") -> list[Found]:
        """Return what is in a folder, sorted by name; links are left out.

        Raises:
            ToolError: It is not there, no folder, or outside.
        """
        parts = self._parts(path)
        if not parts and not self.root.exists():
            return []
        with self._folder(parts) as folder:
            return _listed(folder, "/".join(parts))

    def walk(self, path: str = ".") -> Iterator[Found]:
        """Yield all that is below a folder, 10,000 entries at most; links are left out.

        Raises:
            ToolError: It is not there, no folder, or outside.
        """
        waiting = [(path, 0)]
        count = 0
        while waiting:
            folder, depth = waiting.pop()
            for found in self.listed(folder):
                count += 1
                if count > MOST_ENTRIES:
                    return
                yield found
                if found.is_folder and depth < MOST_DEPTH:
                    waiting.append((found.path, depth + 1))

    def _parts(self, path: str, *, file: bool = False) -> list[str]:
        """Return the names on the way to a path.

        Raises:
            ToolError: It leads out of the workspace, or names no file where one is wanted.
        """
        if "\x00" in path or path.startswith(("/", "~")):
            msg = f"{path!r} is not in the workspace. Give a path from its root, such as 'a/b.txt'."
            raise ToolError(msg)
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if ".." in parts:
            msg = f"{path!r} leads out of the workspace. Leave out the '..'."
            raise ToolError(msg)
        if file and (not parts or path.endswith("/")):
            msg = f"{path!r} names no file."
            raise ToolError(msg)
        return parts

    @contextlib.contextmanager
    def _folder(self, parts: list[str], *, make: bool = False) -> Iterator[int]:
        """Open a folder of the workspace, never by way of a link."""
        path = "/".join(parts) or "."
        with _sentences(path):
            if make:
                self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for part in parts:
                    if make:
                        with contextlib.suppress(FileExistsError):
                            os.mkdir(part, dir_fd=descriptor)
                    below = os.open(part, _FOLDER, dir_fd=descriptor)
                    os.close(descriptor)
                    descriptor = below
            except BaseException:
                os.close(descriptor)
                raise
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _listed(folder: int, path: str) -> list[Found]:
    found: list[Found] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() or entry.name.startswith(TEMPORARY):
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder or entry.is_file(follow_symlinks=False):
                size = 0 if is_folder else entry.stat(follow_symlinks=False).st_size
                name = f"{path}/{entry.name}" if path else entry.name
                found.append(Found(name, is_folder, size))
    return sorted(found, key=lambda each: each.path)


@contextlib.contextmanager
def _sentences(path: str) -> Iterator[None]:
    """Say what the system's error about a path means."""
    try:
        yield
    except OSError as error:
        meanings = {
            errno.ENOENT: "is not there",
            errno.ENOTDIR: "is no folder, or a link, which is not followed",
            errno.ELOOP: "is a link, which is not followed",
            errno.EISDIR: "is a folder",
            errno.ENAMETOOLONG: "is too long a name",
            errno.EACCES: "may not be used",
            errno.ENXIO: "is no file",
            errno.ENOSPC: "has no room: the disk is full",
        }
        meaning = meanings.get(error.errno or 0, f"can't be used: {error.strerror}")
        msg = f"{path!r} {meaning}."
        raise ToolError(msg) from error
    except UnicodeEncodeError as error:
        msg = f"{path!r} has characters that no file name has."
        raise ToolError(msg) from error
