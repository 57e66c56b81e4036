"""Text as databases and sockets can take it: no NUL, and no half of a surrogate pair."""

from collections.abc import Mapping

from pydantic import JsonValue

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(text: str) -> str:
    """Return a text that can be stored: what can't is replaced, and split pairs are joined."""
    if "\x00" in text:
        text = text.replace("\x00", REPLACEMENT)
    if text.isascii() or is_storable(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def clean_json(value: JsonValue) -> JsonValue:
    """Return a JSON value with every text in it cleaned."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_json(each) for each in value]
    return clean_object(value) if isinstance(value, dict) else value


def clean_object(fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return a JSON object with every text in it cleaned."""
    return {clean(name): clean_json(each) for name, each in fields.items()}


def is_storable(text: str) -> bool:
    """Tell whether a text has no NUL and no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


class Cleaner:
    """Cleans a text that comes in pieces; a pair may be split between two of them."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, piece: str) -> str:
        """Take a piece; return what is certain by now."""
        if self._half:
            piece, self._half = self._half + piece, ""
        if piece and "\ud800" <= piece[-1] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return clean(piece)

    def end(self) -> str:
        """Return what was held back, as far as it can be stored."""
        half, self._half = self._half, ""
        return clean(half)
