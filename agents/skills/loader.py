"""Finding skills and reading them: leniently, and with a reason for each that can't be used.

The format is the Agent Skills standard: a folder with a SKILL.md, which begins with YAML between
two lines of three hyphens and goes on in Markdown.
"""

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "SKILL.md"
MOST_SKILLS = 200
MOST_DEPTH = 3
MOST_BYTES = 200_000
MOST_FILES_LISTED = 50
MOST_NAME = 64
MOST_DESCRIPTION = 1_024
MOST_COMPATIBILITY = 500
KEYS = frozenset({"name", "description", "license", "compatibility", "metadata", "allowed-tools"})
SKIPPED = frozenset({"node_modules", "__pycache__"})

_FRONT_MATTER = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(.*)\Z", re.DOTALL | re.MULTILINE
)
_PLAIN_VALUE = re.compile(r"^(\s*[\w-]+):[ \t]+(?![|>\"'\[{&*!])(.*:.*)$")


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill that can be used.

    Attributes:
        name: What it is called.
        description: What it does and when it is of use; the model reads it beforehand.
        body: How it is done; the model reads it once the skill is loaded.
        folder: Where its files are.
        license: Its licence, if it says.
        compatibility: What it needs, if it says.
        metadata: Whatever else it tells of itself.
        allowed_tools: The tools that it asks for. They widen nothing: the agent's count.
        warnings: What is not as the standard wants it.
    """

    name: str
    description: str
    body: str
    folder: Path
    license: str = ""
    compatibility: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    allowed_tools: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def files(self) -> list[str]:
        """Return the files beside SKILL.md, by their path in the folder; links are left out."""
        found: list[str] = []
        for place, folders, names in os.walk(self.folder):
            folders[:] = sorted(each for each in folders if not each.startswith("."))
            for name in sorted(names):
                path = Path(place) / name
                if not path.is_symlink() and path != self.folder / FILE:
                    found.append(path.relative_to(self.folder).as_posix())
                if len(found) == MOST_FILES_LISTED:
                    return found
        return found


@dataclass(frozen=True, slots=True)
class Broken:
    """A skill that can't be used: where, in which line of its file, and why."""

    folder: Path
    reason: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: skills by name, what is broken, and what is hidden by another one."""

    skills: dict[str, Skill]
    broken: tuple[Broken, ...] = ()
    hidden: tuple[Skill, ...] = ()


class SkillError(Exception):
    """A SKILL.md can't be used; `line` says where."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


def find(folders: Sequence[Path]) -> Found:
    """Find the skills in some folders; of two with one name the first counts.

    Args:
        folders: Where to look, in order. One that is not there is passed over.
    """
    skills: dict[str, Skill] = {}
    broken: list[Broken] = []
    hidden: list[Skill] = []
    for file in _files(folders):
        try:
            skill = read(file)
        except SkillError as error:
            broken.append(Broken(file.parent, str(error), error.line))
            continue
        if skill.name in skills:
            hidden.append(skill)
        else:
            skills[skill.name] = skill
    return Found(dict(sorted(skills.items())), tuple(broken), tuple(hidden))


def signature(folders: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a skill is added, taken away or written anew."""
    found = []
    for file in _files(folders):
        try:
            state = file.stat()
        except OSError:
            continue
        found.append((str(file), state.st_mtime_ns, state.st_size))
    return tuple(found)


def read(file: Path) -> Skill:
    """Read a SKILL.md.

    Raises:
        SkillError: It can't be used.
    """
    values, body = _parted(_text(file))
    warnings: list[str] = []
    description = _one_line(values.get("description"))
    if not description:
        msg = "It has no description: one that says what the skill does, and when to use it."
        raise SkillError(msg)
    if len(description) > MOST_DESCRIPTION:
        warnings.append(f"The description has {len(description)} characters of {MOST_DESCRIPTION}.")
        description = description[:MOST_DESCRIPTION]
    if not body.strip():
        warnings.append("Nothing is written below its front matter.")
    if unknown := sorted(set(map(str, values)) - KEYS):
        warnings.append(f"It has keys that the standard doesn't know: {', '.join(unknown)}.")
    compatibility = _one_line(values.get("compatibility"))
    if len(compatibility) > MOST_COMPATIBILITY:
        warnings.append(f"Its compatibility has more than {MOST_COMPATIBILITY} characters.")
    metadata = values.get("metadata") or {}
    if not isinstance(metadata, dict):
        warnings.append("Its metadata is no list of keys and values.")
        metadata = {}
    return Skill(
        name=_name(values, file.parent, warnings),
        description=description,
        body=body.strip(),
        folder=file.parent,
        license=_one_line(values.get("license")),
        compatibility=compatibility,
        metadata={str(key): str(value) for key, value in metadata.items()},
        allowed_tools=tuple(_one_line(values.get("allowed-tools")).replace(",", " ").split()),
        warnings=tuple(warnings),
    )


def fault_of_name(name: str) -> str:
    """Say what is wrong with a skill's name; nothing if it is right."""
    if not 1 <= len(name) <= MOST_NAME:
        return f"has {len(name)} characters; 1 to {MOST_NAME} are allowed"
    if name.startswith("-") or name.endswith("-") or "--" in name:
        return "has a hyphen at an end, or two together"
    if name != name.lower() or not all(each.isalnum() or each == "-" for each in name):
        return "has something else than lower-case letters, digits and hyphens"
    return ""


def _name(values: dict[str, Any], folder: Path, warnings: list[str]) -> str:
    """Return a skill's name: what it says, or its folder's where that can't be a name."""
    own = unicodedata.normalize("NFKC", folder.name)
    name = unicodedata.normalize("NFKC", _one_line(values.get("name")))
    if not name:
        warnings.append("It has no name; its folder's is used.")
    elif fault := fault_of_name(name):
        warnings.append(f"Its name {name!r} {fault}; its folder's is used.")
    elif name != own:
        warnings.append(f"Its name {name!r} is not its folder's, {own!r}.")
        return name
    else:
        return name
    if fault := fault_of_name(own):
        msg = f"Neither its name can be used, nor its folder's: {own!r} {fault}."
        raise SkillError(msg)
    return own


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        msg = f"It can't be read: {error.strerror}."
        raise SkillError(msg) from error
    if len(content) > MOST_BYTES:
        msg = f"It has more than {MOST_BYTES:,} bytes."
        raise SkillError(msg)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        msg = "It is no text in UTF-8."
        raise SkillError(msg, line) from error


def _parted(text: str) -> tuple[dict[str, Any], str]:
    """Return the front matter's values, and what is below."""
    parts = _FRONT_MATTER.match(text)
    if parts is None:
        msg = "It doesn't begin with a front matter: a line '---', YAML, and a line '---'."
        raise SkillError(msg)
    values = _yaml(parts[1])
    if not isinstance(values, dict):
        msg = "Its front matter is no list of keys and values."
        raise SkillError(msg, 2)
    return values, parts[2]


def _yaml(text: str) -> Any:  # noqa: ANN401  (whatever is written there)
    import yaml  # noqa: PLC0415  (for those who have skills)

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        quoted = "\n".join(_PLAIN_VALUE.sub(_quoted, line) for line in text.splitlines())
        try:
            return yaml.safe_load(quoted)  # many write colons without quotes
        except (yaml.YAMLError, ValueError, RecursionError):
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or type(error).__name__
            line = mark.line + 2 if mark else 2
            msg = f"Its front matter is no YAML: {problem}."
            raise SkillError(msg, line) from error


def _quoted(line: re.Match[str]) -> str:
    value = line[2].strip().replace("\\", "\\\\").replace('"', '\\"')
    return f'{line[1]}: "{value}"'


def _one_line(value: object) -> str:
    if isinstance(value, list):
        value = " ".join(str(each) for each in value)
    return " ".join(str(value).split()) if value is not None else ""


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the SKILL.md files in some folders: bounded in depth and in number."""
    count = 0
    seen: set[Path] = set()
    for folder in folders:
        for file in _below(folder, MOST_DEPTH):
            place = file.resolve()
            if place in seen:
                continue
            seen.add(place)
            count += 1
            if count > MOST_SKILLS:
                return
            yield file


def _below(folder: Path, depth: int) -> Iterator[Path]:
    file = folder / FILE
    if file.is_file():
        yield file
        return
    if depth == 0:
        return
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return
    for each in inside:
        if each.is_dir() and not each.name.startswith(".") and each.name not in SKIPPED:
            yield from _below(each, depth - 1)
