"""Building what is said to a model: text, images, files, templates."""

import base64
import mimetypes
from pathlib import Path
from typing import Self

from agents.messages import Part, Role, Turn

MOST_BYTES = 20_000_000
SAMPLE_BYTES = 4_096
LANGUAGES = {
    ".c": "c",
    ".cpp": "cpp",
    ".css": "css",
    ".go": "go",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".json": "json",
    ".kt": "kotlin",
    ".md": "markdown",
    ".py": "python",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "bash",
    ".sql": "sql",
    ".toml": "toml",
    ".ts": "typescript",
    ".xml": "xml",
    ".yaml": "yaml",
    ".yml": "yaml",
}


class MessageBuilder:
    """Puts a message together, piece by piece."""

    def __init__(self, text: str = "") -> None:
        """Begin a message, with a text or without."""
        self._parts: list[Part] = []
        if text:
            self.text(text)

    def text(self, text: str, *, priority: float = 1.0) -> Self:
        """Add a text. `priority` says what is left out first when there is little room."""
        self._parts.append(Part(text=text, priority=priority))
        return self

    def image(self, source: str | Path | bytes, *, media_type: str = "") -> Self:
        """Add an image.

        Args:
            source: A file, the bytes of one, or an http address that the model's server loads.
            media_type: Such as "image/png"; read from the name or the bytes if left out.

        Raises:
            ValueError: It is no image, or larger than 20 MB.
        """
        if isinstance(source, str) and source.startswith(("http://", "https://", "data:")):
            self._parts.append(Part(image=source))
            return self
        name = "" if isinstance(source, bytes) else str(source)
        data = source if isinstance(source, bytes) else _read(Path(source))
        kind = media_type or mimetypes.guess_type(name)[0] or image_type(data)
        if not kind.startswith("image/"):
            msg = f"{name or 'This'} is no image ({kind or 'unknown'})."
            raise ValueError(msg)
        encoded = base64.b64encode(data).decode("ascii")
        self._parts.append(Part(image=f"data:{kind};base64,{encoded}"))
        return self

    def file(self, path: str | Path, *, priority: float = 1.0) -> Self:
        """Add a text file, fenced, with its name and its language.

        Raises:
            ValueError: It is binary, or larger than 20 MB.
        """
        path = Path(path)
        data = _read(path)
        if is_binary(data):
            msg = f"{path} is a binary file."
            raise ValueError(msg)
        content = data.decode("utf-8", errors="replace")
        return self.text(fenced(str(path), content), priority=priority)

    def files(self, folder: str | Path, pattern: str = "*", *, priority: float = 1.0) -> Self:
        """Add all files of a folder that a glob finds, in order; binary ones are skipped."""
        for path in sorted(Path(folder).glob(pattern)):
            if path.is_file() and not is_binary(_read(path)):
                self.file(path, priority=priority)
        return self

    def template(self, source: str | Path, /, **values: object) -> Self:
        """Add a text with {placeholders}, given itself or as a file.

        Raises:
            KeyError: A placeholder has no value.
        """
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        return self.text(text.format(**values))

    @property
    def parts(self) -> tuple[Part, ...]:
        """What there is so far."""
        return tuple(self._parts)

    def build(self, role: Role = "user") -> Turn:
        """Return the message."""
        texts = [part.text for part in self._parts if part.text]
        if all(part.text and part.priority == 1.0 for part in self._parts):
            return Turn(role=role, content="\n\n".join(texts))
        return Turn(role=role, content="\n\n".join(texts), parts=tuple(self._parts))


def fenced(name: str, content: str) -> str:
    """Return a text file as a message has it: its name, and its content in a fence."""
    fence = "```"
    while fence in content:
        fence += "`"
    language = LANGUAGES.get(Path(name).suffix.lower(), "")
    return f"{name}\n{fence}{language}\n{content}\n{fence}"


def is_binary(data: bytes) -> bool:
    """Tell whether bytes are no text, by their beginning."""
    sample = data[:SAMPLE_BYTES]
    if b"\0" in sample:
        return True
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start < len(sample) - 4  # else the sample ends within a character
    return False


def _read(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_BYTES:
        msg = f"{path} has {size:,} bytes; the limit is {MOST_BYTES:,}."
        raise ValueError(msg)
    return path.read_bytes()


def image_type(data: bytes) -> str:
    """Return the media type of an image, by its first bytes; empty if it is none."""
    for beginning, kind in (
        (b"\x89PNG\r\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
    ):
        if data.startswith(beginning):
            return kind
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""
