"""Files of a workspace: what tools do with them, and that no path leads out."""

import difflib
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.errors import ToolError
from agents.tools import ToolContext, patch
from agents.tools import workspace as workspaces
from agents.tools.builtin import files
from agents.tools.registry import registry
from agents.tools.workspace import Workspace

SECRET = "a secret outside"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with something beside it that nobody may see."""
    (tmp_path / "secret.txt").write_text(SECRET)
    return Workspace(tmp_path / "space")


@pytest.fixture
def context(workspace: Workspace) -> ToolContext:
    return ToolContext(workspace=workspace)


def call(context: ToolContext, name: str, **arguments: Any) -> Any:  # noqa: ANN401
    """Call a tool as a model does."""
    found = registry.get(name)
    assert found is not None
    return found.call(found.model.model_validate(arguments), context)


def test_files_are_written_listed_read_and_found(context: ToolContext) -> None:
    assert call(context, "list_files") == {"files": []}
    call(context, "write_file", path="notes/a.md", content="one\ntwo\nthree\n")
    call(context, "write_file", path="b.py", content="print(1)\n")
    call(context, "create_directory", path="empty/inside")

    assert call(context, "list_files")["files"] == ["b.py (9 bytes)", "empty/", "notes/"]
    assert call(context, "list_files", extension="py")["files"] == ["b.py (9 bytes)"]
    assert call(context, "list_all_files")["files"] == ["b.py (9 bytes)", "notes/a.md (14 bytes)"]
    assert call(context, "read_file", path="./notes//a.md") == "one\ntwo\nthree\n"
    assert call(context, "find_files_by_glob", pattern="*.md")["files"] == ["notes/a.md (14 bytes)"]
    assert call(context, "find_files_containing", pattern="^t.o$")["files"] == [
        "notes/a.md (14 bytes)"
    ]
    assert call(context, "find_lines_matching", path="notes/a.md", pattern="t")["lines"] == [
        {"line": 2, "text": "two"},
        {"line": 3, "text": "three"},
    ]
    assert call(context, "ensure_files_exist", paths=["b.py", "c.py"]) == {
        "all_exist": False,
        "missing": ["c.py"],
    }


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.py", "a/b.py", True),
        ("a/*.py", "a/b.py", True),
        ("a/*.py", "a/c/b.py", False),
        ("a/**/*.py", "a/c/d/b.py", True),
        ("a/**/*.py", "a/b.py", True),
        ("**/b.py", "b.py", True),
        ("**/*/**", "b.py", True),
        ("a/**", "b/c.py", False),
        ("**/" * 40 + "x", "a/" * 39 + "b", False),
    ],
)
def test_patterns_of_paths(context: ToolContext, pattern: str, path: str, matches: bool) -> None:
    call(context, "write_file", path=path, content="")

    assert bool(call(context, "find_files_by_glob", pattern=pattern)["files"]) is matches


def test_a_long_file_is_read_in_parts(context: ToolContext) -> None:
    call(context, "write_file", path="long", content="".join(f"{n}\n" for n in range(1, 1_001)))

    first = call(context, "read_file", path="long")
    rest = call(context, "read_file", path="long", first_line=999, lines=10)

    assert first.startswith("1\n2\n")
    assert first.endswith("400\n\n[600 more lines; go on with first_line=401]")
    assert rest == "999\n1000\n"
    with pytest.raises(ToolError, match="no line 2000"):
        call(context, "read_file", path="long", first_line=2_000)


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "a/../../secret.txt", "/etc/passwd", "~/x", "a\x00b", "..", "//etc/passwd"],
)
def test_paths_that_lead_out_are_refused(context: ToolContext, path: str) -> None:
    call(context, "write_file", path="a/b", content="")

    for name, more in (
        ("read_file", {}),
        ("write_file", {"content": "x"}),
        ("list_files", {}),
        ("list_all_files", {}),
        ("create_directory", {}),
        ("find_lines_matching", {"pattern": "x"}),
        ("edit_file_with_diff", {"diff": "@@\n+x"}),
    ):
        with pytest.raises(ToolError, match="workspace"):
            call(context, name, path=path, **more)
    with pytest.raises(ToolError):
        call(context, "ensure_files_exist", paths=[path])


def test_links_are_not_followed(context: ToolContext, workspace: Workspace) -> None:
    call(context, "write_file", path="real/file", content="inside")
    outside = workspace.root.parent
    (workspace.root / "link").symlink_to(outside / "secret.txt")
    (workspace.root / "folder").symlink_to(outside)
    (workspace.root / "loop").symlink_to("loop")

    for path in ("link", "folder/secret.txt", "loop"):
        with pytest.raises(ToolError):
            call(context, "read_file", path=path)
        with pytest.raises(ToolError):
            call(context, "write_file", path=path, content="x")
    with pytest.raises(ToolError):
        call(context, "create_directory", path="folder/new")
    assert (outside / "secret.txt").read_text() == SECRET
    assert call(context, "list_files")["files"] == ["real/"]
    assert call(context, "list_all_files")["files"] == ["real/file (6 bytes)"]
    assert call(context, "find_files_containing", pattern="secret")["files"] == []
    assert call(context, "ensure_files_exist", paths=["link"])["missing"] == ["link"]


def test_what_is_no_plain_file_is_refused(context: ToolContext, workspace: Workspace) -> None:
    call(context, "create_directory", path="folder")
    os.mkfifo(workspace.root / "pipe")

    for path in ("folder", "pipe", "folder/", "."):
        with pytest.raises(ToolError):
            call(context, "read_file", path=path)
        with pytest.raises(ToolError):
            call(context, "write_file", path=path, content="x")
    assert call(context, "list_files")["files"] == ["folder/"]


PIECES = st.sampled_from(
    [
        "..",
        ".",
        "",
        "a",
        "b",
        "link",
        "\u2024\u2024",
        "\uff0e\uff0e",
        "..\u200b",
        "%2e%2e",
        "~",
        "\\..",
    ]
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(PIECES, min_size=1, max_size=6).map("/".join) | st.text(max_size=30))
def test_no_path_leads_out(workspace: Workspace, path: str) -> None:
    link = workspace.root / "link"
    workspace.root.mkdir(exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(workspace.root.parent)
    beside = set(workspace.root.parent.iterdir())

    for act in (
        lambda: workspace.write(path, b"x"),
        lambda: workspace.make_folder(path),
        lambda: list(workspace.walk(path)),
    ):
        try:
            act()
        except ToolError:
            continue
    with suppress(ToolError):
        assert workspace.read(path) != SECRET.encode()

    assert set(workspace.root.parent.iterdir()) == beside
    assert (workspace.root.parent / "secret.txt").read_text() == SECRET


def test_what_is_no_text_is_said(context: ToolContext, workspace: Workspace) -> None:
    workspace.write("image.png", b"\x89PNG\r\n\x1a\n\x00\x00")
    workspace.write("zeros", b"a\x00b")

    for path, message in (("image.png", "no text"), ("zeros", "binary"), ("missing", "not there")):
        with pytest.raises(ToolError, match=message):
            call(context, "read_file", path=path)
    assert call(context, "find_files_containing", pattern="a")["files"] == []
    with pytest.raises(ToolError, match="surrogate"):
        call(context, "write_file", path="x", content="\ud800")


def test_limits_of_size(
    context: ToolContext, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces, "MOST_FILE_BYTES", 100)
    monkeypatch.setattr(workspaces, "MOST_BYTES", 250)

    with pytest.raises(ToolError, match="101 bytes"):
        call(context, "write_file", path="large", content="x" * 101)
    for number in range(2):
        call(context, "write_file", path=f"{number}", content="x" * 100)
    with pytest.raises(ToolError, match="full"):
        call(context, "write_file", path="third", content="x" * 100)
    (workspace.root / "grown").write_bytes(b"x" * 101)
    with pytest.raises(ToolError, match="101 bytes; 100 can be read"):
        call(context, "read_file", path="grown")
    assert len(list(workspace.root.iterdir())) == 3


def test_expressions_that_are_bad_or_endless(
    context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "REGEX_SECONDS", 0.2)
    call(context, "write_file", path="a", content="a" * 60 + "!")

    for name in ("find_lines_matching", "find_files_containing"):
        path = "a" if name == "find_lines_matching" else "."
        with pytest.raises(ToolError, match="no regular expression"):
            call(context, name, path=path, pattern="(")
        with pytest.raises(ToolError, match="took too long"):
            call(context, name, path=path, pattern="^(a|aa)+$")


def test_without_a_workspace_files_are_refused() -> None:
    with pytest.raises(ToolError, match="no workspace"):
        call(ToolContext(), "list_files")


# Diffs ------------------------------------------------------------------------------------------

BEFORE = "def one():\n    return 1\n\n\ndef two():\n    return 2\n\n\ndef three():\n    return 3\n"


@pytest.mark.parametrize(
    "diff",
    [
        "--- a/x.py\n+++ b/x.py\n@@ -5,2 +5,2 @@\n def two():\n-    return 2\n+    return 22\n",
        "@@ -500,2 +5,2 @@\n def two():\n-    return 2\n+    return 22\n",
        "@@\n def two():\n-    return 2\n+    return 22",
        "@@ ... @@\n-    return 2  \n+    return 22\n",
        "```diff\n@@ -5,2 +5,2 @@ def two\n def  two():\n-\treturn 2\n+    return 22\n```\n",
        "-    return 2\n+    return 22\n",
        "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -6 +6 @@\n-    return 2\n+    return 22",
    ],
)
def test_diffs_are_applied_as_models_write_them(context: ToolContext, diff: str) -> None:
    call(context, "write_file", path="x.py", content=BEFORE)

    call(context, "edit_file_with_diff", path="x.py", diff=diff)

    assert call(context, "read_file", path="x.py") == BEFORE.replace("return 2", "return 22")


def test_the_nearest_place_is_taken() -> None:
    text = "same\n" * 3 + "mark\n" + "same\n" * 3

    assert patch.apply(text, "@@ -6 +6 @@\n-same\n+changed") == (
        "same\n" * 3 + "mark\nsame\nchanged\nsame\n"
    )


def test_line_ends_stay_as_they_are() -> None:
    assert patch.apply("a\r\nb\r\n", "@@\n-a\n+c\n") == "c\r\nb\r\n"
    assert patch.apply("a\nb", "@@\n-b\n+c\n") == "a\nc"
    assert patch.apply("", "--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n") == "a\nb\n"
    assert patch.apply("a\n", "@@ -1 +0,0 @@\n-a\n") == ""


def test_a_diff_that_does_not_apply_changes_nothing(context: ToolContext) -> None:
    call(context, "write_file", path="x.py", content=BEFORE)
    diff = "@@ -1 +1 @@\n-def one():\n+def eins():\n@@ -5 +5 @@\n-def zwei():\n+def drei():\n"

    with pytest.raises(ToolError, match=r"hunk 2 of 2(?s:.*)zwei(?s:.*)5: def two"):
        call(context, "edit_file_with_diff", path="x.py", diff=diff)

    assert call(context, "read_file", path="x.py") == BEFORE
    with pytest.raises(ToolError, match="no unified diff"):
        call(context, "edit_file_with_diff", path="x.py", diff="Change two to return 22.")


LINES = st.lists(st.sampled_from(["a", "b", "c", "", "  d", "-e", "+f", "@g"]), max_size=12)


@given(before=LINES, after=LINES, context_lines=st.integers(0, 3))
def test_every_diff_of_difflib_applies(
    before: list[str], after: list[str], context_lines: int
) -> None:
    old, new = "".join(f"{line}\n" for line in before), "".join(f"{line}\n" for line in after)
    diff = "".join(
        difflib.unified_diff(old.splitlines(True), new.splitlines(True), "a", "b", n=context_lines)
    )
    if diff and context_lines:
        assert patch.apply(old, diff) == new
