"""Skills: found, read leniently, and told of what is wrong."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import ToolError
from agents.messages import ToolCall
from agents.recording import MemoryRecorder
from agents.skills import Skill, find, loader
from agents.skills.loader import fault_of_name
from agents.skills.selection import catalogue, loaded_text, named_in, skill_tools
from agents.tools import ToolContext
from agents.tools.collection import Registry
from agents.tools.execution import call_all


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(text, encoding="utf-8")
    return folder


def good(name: str, body: str = "Do it well.", **more: str) -> str:
    lines = "".join(f"{key}: {value}\n" for key, value in more.items())
    return f"---\nname: {name}\ndescription: Does {name}.\n{lines}---\n{body}\n"


def test_skills_are_found_in_their_folders(tmp_path: Path) -> None:
    write(tmp_path / "one" / "a-skill", good("a-skill", license="MIT", compatibility="any"))
    write(tmp_path / "two" / "group" / "b", good("b", metadata="{author: me, version: 1.0}"))
    write(tmp_path / "two" / ".hidden" / "c", good("c"))
    write(tmp_path / "two" / "a" / "b" / "c" / "deep", good("deep"))

    found = find([tmp_path / "one", tmp_path / "missing", tmp_path / "two"])

    assert list(found.skills) == ["a-skill", "b"]
    skill = found.skills["a-skill"]
    assert (skill.description, skill.body, skill.license) == ("Does a-skill.", "Do it well.", "MIT")
    assert found.skills["b"].metadata == {"author": "me", "version": "1.0"}
    assert found.broken == ()
    assert skill.warnings == ()


def test_of_two_with_one_name_the_first_counts(tmp_path: Path) -> None:
    write(tmp_path / "project" / "same", good("same", "Mine."))
    write(tmp_path / "home" / "same", good("same", "The other."))

    found = find([tmp_path / "project", tmp_path / "home", tmp_path / "project"])

    assert found.skills["same"].body == "Mine."
    assert [skill.body for skill in found.hidden] == ["The other."]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("# No front matter", 1, "doesn't begin with a front matter"),
        ("---\nname: x\ndescription: y\n", 1, "doesn't begin with a front matter"),
        ("---\nname: x\n---\nBody", 1, "no description"),
        ("---\nname: x\ndescription:\n---\nBody", 1, "no description"),
        ("---\n- a\n- b\n---\nBody", 2, "no list of keys"),
        ("---\nname: x\ndescription: y\nmetadata: [1\n---\nBody", 5, "no YAML"),
        ("---\nname: x\n\tdescription: y\n---\nBody", 3, "no YAML"),
    ],
)
def test_what_is_broken_says_where_and_why(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    write(tmp_path / "x", text)
    write(tmp_path / "y", good("y"))

    found = find([tmp_path])

    (broken,) = found.broken
    assert reason in broken.reason
    assert broken.line == line
    assert broken.folder == tmp_path / "x"
    assert list(found.skills) == ["y"]


def test_bytes_and_sizes_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "x", "").joinpath("SKILL.md").write_bytes(b"---\nname: x\n\xff\n---\n")
    write(tmp_path / "y", good("y", "x" * 2_000))
    monkeypatch.setattr(loader, "MOST_BYTES", 1_000)

    reasons = {each.folder.name: (each.line, each.reason) for each in find([tmp_path]).broken}

    assert reasons["x"] == (3, "It is no text in UTF-8.")
    assert "more than 1,000 bytes" in reasons["y"][1]


@pytest.mark.parametrize(
    ("front", "name", "warning"),
    [
        ("name: other\ndescription: d", "other", "is not its folder's"),
        ("name: Not A Name\ndescription: d", "x", "its folder's is used"),
        ("description: d", "x", "no name"),
        ("name: x\ndescription: d\nversion: 2", "x", "doesn't know: version"),
        ("name: x\ndescription: Use it when: always", "x", ""),
        ("name: x\ndescription: " + "d" * 1_100, "x", "1100 characters of 1024"),
        ("name: x\ndescription: |\n  d\n  e", "x", ""),
        ("name: x\ndescription: d\nmetadata: y", "x", "metadata"),
        ("name: x\ndescription: d\nallowed-tools: a, b c", "x", ""),
    ],
)
def test_what_is_not_quite_right_is_taken_with_a_remark(
    tmp_path: Path, front: str, name: str, warning: str
) -> None:
    write(tmp_path / "x", f"---\n{front}\n---\nBody\n")

    (skill,) = find([tmp_path]).skills.values()

    assert skill.name == name
    assert any(warning in each for each in skill.warnings) if warning else not skill.warnings


@pytest.mark.parametrize(
    ("name", "right"),
    [
        *((name, True) for name in ("a", "a-1", "größe", "a" * 64)),
        *((name, False) for name in ("A", "a_b", "-a", "a-", "a--b", "", "a" * 65)),
    ],
)
def test_names(name: str, right: bool) -> None:
    assert (fault_of_name(name) == "") is right


@given(text=st.text(max_size=300))
def test_whatever_stands_there_is_no_crash(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("skills")
    write(folder / "x", "---\n" + text.encode(errors="replace").decode() + "\n---\n")

    found = find([folder])

    assert len(found.skills) + len(found.broken) == 1


def test_a_folder_full_of_them_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "MOST_SKILLS", 5)
    for number in range(9):
        write(tmp_path / f"s{number}", good(f"s{number}"))

    assert len(find([tmp_path]).skills) == 5


# What a model has of them -----------------------------------------------------------------------


@pytest.fixture
def skills(tmp_path: Path) -> dict[str, Skill]:
    """Two skills; one has files beside it."""
    folder = write(tmp_path / "pack", good("pack", "Follow references/steps.md."))
    (folder / "references").mkdir()
    (folder / "references" / "steps.md").write_text("1. Pack.")
    (folder / "image.png").write_bytes(b"\x89PNG")
    (folder / "link").symlink_to("/etc/passwd")
    (tmp_path / "secret").write_text("secret")
    write(tmp_path / "tidy", good("tidy"))
    return find([tmp_path]).skills


def call(
    skills: dict[str, Skill], name: str, arguments: str, *, loaded: Sequence[str] = ()
) -> tuple[str, list[str]]:
    recorder = MemoryRecorder()
    tools = Registry(skill_tools(skills, loaded=loaded))
    called = [ToolCall(id="1", name=name, arguments=arguments)]
    (turn,) = call_all(called, tools=tools, context=ToolContext(), recorder=recorder)
    return turn.content, recorder.kinds


def test_the_catalogue_has_a_line_for_each(skills: dict[str, Skill]) -> None:
    assert catalogue(skills).splitlines()[-2:] == ["- pack: Does pack.", "- tidy: Does tidy."]
    assert catalogue({}) == ""
    assert skill_tools({}) == []


def test_a_skill_is_loaded_with_a_list_of_its_files(skills: dict[str, Skill]) -> None:
    text, kinds = call(skills, "load_skill", '{"name": "pack"}')

    assert text == loaded_text(skills["pack"])
    assert text.splitlines()[0] == '<skill name="pack">'
    assert "Follow references/steps.md." in text
    assert "  image.png\n  references/steps.md\n</skill>" in text
    assert "link" not in text
    assert kinds == ["tool.called", "skill.loaded", "tool.returned"]


def test_a_skill_is_loaded_once(skills: dict[str, Skill]) -> None:
    text, kinds = call(skills, "load_skill", '{"name": "pack"}', loaded=["pack"])

    assert "is loaded" in text
    assert "skill.loaded" not in kinds


def test_files_of_a_skill_are_read_and_no_others(skills: dict[str, Skill]) -> None:
    read = {"steps": '{"skill": "pack", "path": "references/steps.md"}'}
    assert call(skills, "read_skill_resource", read["steps"])[0] == "1. Pack."

    for path in ("../secret", "/etc/passwd", "link", "missing", "image.png", ""):
        arguments = f'{{"skill": "pack", "path": "{path}"}}'
        assert '"error"' in call(skills, "read_skill_resource", arguments)[0]
    assert "There are: pack, tidy" in call(skills, "load_skill", '{"name": "nope"}')[0]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("/pack my things", "pack"),
        ("$tidy", "tidy"),
        ("/packing list", None),
        ("please /pack", None),
        ("/", None),
        ("", None),
        ("  /pack", "pack"),
        ("/etc/passwd", None),
    ],
)
def test_a_person_names_a_skill(skills: dict[str, Skill], message: str, name: str | None) -> None:
    found = named_in(message, skills)

    assert (found.name if found else None) == name


# Those that come with Parley --------------------------------------------------------------------


def test_the_skills_that_come_with_parley_are_right() -> None:
    found = find([Path(settings.BASE_DIR) / "skills"])

    assert set(found.skills) == {
        "code-review",
        "meeting-notes",
        "plan-and-track",
        "research-and-cite",
        "translate-with-glossary",
    }
    assert not found.broken
    assert not found.hidden
    for skill in found.skills.values():
        assert skill.warnings == ()
        assert len(skill.body.splitlines()) < 500
        for file in skill.files():
            assert file in skill.body


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x", good("x"))
    (tmp_path / "x" / "large").write_bytes(b"x" * 5_000_001)
    (load, read) = skill_tools(find([tmp_path]).skills)
    assert load.name == "load_skill"

    with pytest.raises(ToolError, match="5,000,001 bytes"):
        read.call(read.parse('{"skill": "x", "path": "large"}'), ToolContext())
