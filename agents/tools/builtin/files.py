"""Files of the agent's workspace: list, find, read, write, edit."""

import time
from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Annotated, Any

import regex
from pydantic import Field, JsonValue

from agents.errors import ToolError
from agents.tools import patch
from agents.tools.context import ToolContext
from agents.tools.definition import tool
from agents.tools.workspace import Found, Workspace

REGEX_SECONDS = 2.0
SEARCH_SECONDS = 20.0
MOST_FOUND = 500
MOST_LINE_CHARACTERS = 500
LINES_A_READ = 400

Path = Annotated[str, Field(description="A path from the workspace's root, such as 'notes/a.md'.")]
Folder = Annotated[str, Field(description="A folder, from the workspace's root; '.' is the root.")]
Pattern = Annotated[str, Field(description="A regular expression.")]


@tool(idempotent=True)
def list_files(
    context: ToolContext,
    path: Folder = ".",
    extension: Annotated[str | None, Field(description="Only such files: '.md'.")] = None,
) -> dict[str, JsonValue]:
    """List the files and folders in one folder of the workspace."""
    wanted = f".{extension.removeprefix('.')}" if extension else ""
    found = [
        each
        for each in space(context).listed(path)
        if not wanted or (not each.is_folder and each.path.endswith(wanted))
    ]
    return _listing(found)


@tool(idempotent=True)
def list_all_files(context: ToolContext, path: Folder = ".") -> dict[str, JsonValue]:
    """List all files below a folder of the workspace, in all its folders."""
    return _listing([each for each in space(context).walk(path) if not each.is_folder])


@tool(idempotent=True)
def find_files_by_glob(
    context: ToolContext,
    pattern: Annotated[str, Field(description="Such as '*.md' or 'src/**/*.py'.")],
    path: Folder = ".",
) -> dict[str, JsonValue]:
    """Find the files below a folder whose path matches a pattern with * and ?."""
    begin = "" if path in {"", "."} else path.strip("/") + "/"
    found = [
        each
        for each in space(context).walk(path)
        if not each.is_folder and _matches(each.path.removeprefix(begin), pattern)
    ]
    return _listing(found)


@tool(idempotent=True)
def find_files_containing(
    context: ToolContext, pattern: Pattern, path: Folder = "."
) -> dict[str, JsonValue]:
    """Find the text files below a folder that have a line which matches a regular expression."""
    search = _Search(pattern)
    found = [
        each for each, text in _texts(space(context), path) if any(True for _ in search.lines(text))
    ]
    return _listing(found)


@tool(idempotent=True)
def find_lines_matching(context: ToolContext, path: Path, pattern: Pattern) -> dict[str, JsonValue]:
    """Find the lines of a file that match a regular expression, with their numbers."""
    search = _Search(pattern)
    lines: list[JsonValue] = []
    for number, line in search.lines(text_of(space(context), path)):
        if len(lines) == MOST_FOUND:
            return {"lines": lines, "note": f"There are more; these are the first {MOST_FOUND}."}
        lines.append({"line": number, "text": line[:MOST_LINE_CHARACTERS]})
    return {"lines": lines}


@tool(idempotent=True, result_limit=60_000)
def read_file(
    context: ToolContext,
    path: Path,
    *,
    first_line: Annotated[int, Field(ge=1, description="Where to begin.")] = 1,
    lines: Annotated[
        int, Field(ge=1, le=2_000, description="How many lines to read.")
    ] = LINES_A_READ,
) -> str:
    """Read a text file of the workspace, or a part of a long one."""
    written = text_of(space(context), path).splitlines(keepends=True)
    if first_line > max(1, len(written)):
        msg = f"{path!r} has {len(written)} lines; there is no line {first_line}."
        raise ToolError(msg)
    part = written[first_line - 1 : first_line - 1 + lines]
    rest = len(written) - (first_line - 1 + len(part))
    note = f"\n[{rest} more lines; go on with first_line={first_line + len(part)}]" if rest else ""
    return "".join(part) + note


@tool(idempotent=True, in_order=True)
def write_file(
    context: ToolContext,
    path: Path,
    content: Annotated[str, Field(description="The whole content of the file.")],
) -> str:
    """Write a text file of the workspace; one that is there is replaced."""
    written = _encoded(content)
    space(context).write(path, written)
    return f"Wrote {len(written):,} bytes to {path}."


@tool(idempotent=True, in_order=True)
def create_directory(context: ToolContext, path: Path) -> str:
    """Make a folder in the workspace, and those on the way to it."""
    space(context).make_folder(path)
    return f"{path} is there."


@tool(in_order=True)
def edit_file_with_diff(
    context: ToolContext,
    path: Path,
    diff: Annotated[str, Field(description="A unified diff, with a few lines of context.")],
) -> str:
    """Change a text file of the workspace by a unified diff.

    A hunk is found by its lines even if its line numbers are off. If one doesn't apply, nothing
    is changed.
    """
    workspace = space(context)
    before = text_of(workspace, path) if workspace.exists(path) else ""
    after = patch.apply(before, diff)
    workspace.write(path, _encoded(after))
    return (
        f"Changed {path}: {len(before.splitlines())} lines before, {len(after.splitlines())} now."
    )


@tool(idempotent=True)
def ensure_files_exist(
    context: ToolContext,
    paths: Annotated[list[str], Field(max_length=200, description="The files to look for.")],
) -> dict[str, JsonValue]:
    """Look whether files of the workspace are there, before something relies on them."""
    workspace = space(context)
    missing: list[JsonValue] = [path for path in paths if not workspace.exists(path)]
    return {"all_exist": not missing, "missing": missing}


FILE_TOOLS = (
    create_directory,
    edit_file_with_diff,
    ensure_files_exist,
    find_files_by_glob,
    find_files_containing,
    find_lines_matching,
    list_all_files,
    list_files,
    read_file,
    write_file,
)


def space(context: ToolContext) -> Workspace:
    """Return the workspace of a run.

    Raises:
        ToolError: It has none.
    """
    if context.workspace is None:
        msg = "This agent has no workspace."
        raise ToolError(msg)
    return context.workspace


def text_of(workspace: Workspace, path: str) -> str:
    """Return the text of a file.

    Raises:
        ToolError: It is not there, or no text.
    """
    content = workspace.read(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path!r} is no text in UTF-8: it has {len(content):,} bytes of something else."
        raise ToolError(msg) from error
    if "\x00" in text:
        msg = f"{path!r} is a binary file of {len(content):,} bytes."
        raise ToolError(msg)
    return text


class _Search:
    """A search by a regular expression that can't go on for ever."""

    def __init__(self, pattern: str) -> None:
        try:
            self._pattern: Any = regex.compile(pattern)
        except (regex.error, OverflowError) as error:
            msg = f"{pattern!r} is no regular expression: {error}."
            raise ToolError(msg) from error
        self._until = time.monotonic() + SEARCH_SECONDS

    def lines(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield the lines that match, with their numbers."""
        for number, line in enumerate(text.splitlines(), 1):
            left = max(1e-6, self._until - time.monotonic())
            try:
                found = self._pattern.search(line, timeout=min(REGEX_SECONDS, left))
            except TimeoutError:
                msg = "The search took too long. Use a simpler expression, or fewer files."
                raise ToolError(msg) from None
            if found:
                yield number, line


def _texts(workspace: Workspace, path: str) -> Iterator[tuple[Found, str]]:
    for each in workspace.walk(path):
        if not each.is_folder:
            try:
                yield each, text_of(workspace, each.path)
            except ToolError:
                continue  # binary, or too large


def _matches(path: str, pattern: str) -> bool:
    """Tell whether a path matches; "**/" stands for any folders, or none."""
    if "/" not in pattern:
        return fnmatch(path.rpartition("/")[2], pattern)
    return _parts_match(path.split("/"), pattern.strip("/").split("/"))


def _parts_match(parts: list[str], patterns: list[str]) -> bool:
    """Match folder by folder; what was reached is kept, so that many "**" cost nothing."""
    reached = {0}
    for each in patterns:
        if each == "**":
            reached = set(range(min(reached, default=0), len(parts) + 1)) if reached else set()
        else:
            reached = {n + 1 for n in reached if n < len(parts) and fnmatch(parts[n], each)}
    return len(parts) in reached


def _listing(found: list[Found]) -> dict[str, JsonValue]:
    shown: list[JsonValue] = [
        f"{each.path}/" if each.is_folder else f"{each.path} ({each.size:,} bytes)"
        for each in found[:MOST_FOUND]
    ]
    if len(found) > MOST_FOUND:
        return {"files": shown, "note": f"{len(found) - MOST_FOUND} more are not shown."}
    return {"files": shown}


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        msg = "The content has half of a surrogate pair, which no file can have."
        raise ToolError(msg) from error
