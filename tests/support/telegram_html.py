"""What Telegram takes as HTML: its few tags, in its order, and the text between them.

Written by the Bot API's page on formatting, not by looking at ours.
"""

import html
import re
from typing import NamedTuple

PLAIN = {"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "tg-spoiler"}
ALONE = {"pre", "code"}  # they hold nothing else
TOKEN = re.compile(r"<(/?)([a-z-]+)((?:\s+[^<>]*)?)>|([^<>]+)|([<>])")
ENTITY = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);|(&)")
LANGUAGE = re.compile(r'\s+class="language-[\w+#.-]+"')
ADDRESS = re.compile(r'\s+href="([^"<>]+)"')
SCHEMES = ("http://", "https://", "mailto:", "tg://", "tel:")


class NotAccepted(ValueError):
    """Telegram would refuse this."""


def _refused(told: str) -> NotAccepted:
    return NotAccepted(told)


class Open(NamedTuple):
    """A tag that is not closed yet."""

    name: str
    more: str


def text_of(given: str) -> str:
    """Return what a message says.

    Raises:
        NotAccepted: Telegram would refuse it, or show it as something else.
    """
    stack: list[Open] = []
    said: list[str] = []
    for found in TOKEN.finditer(given):
        closing, name, more, text, stray = found.groups()
        if stray:
            raise _refused(told=f"a bare {stray}")
        if text is not None:
            said.append(_unescaped(text))
        elif closing:
            if not stack or stack.pop().name != name:
                raise _refused(told=f"</{name}> closes nothing")
        else:
            _check(name, more, stack)
            stack.append(Open(name, more))
    if stack:
        raise _refused(told=f"<{stack[-1].name}> is not closed")
    return "".join(said)


def _unescaped(text: str) -> str:
    if any(found[1] for found in ENTITY.finditer(text)):
        raise _refused(told="a bare &")
    return html.unescape(text)


def _check(name: str, more: str, stack: list[Open]) -> None:
    around = [each.name for each in stack]
    if name == "code" and around == ["pre"] and LANGUAGE.fullmatch(more):
        return
    if ALONE & set(around):
        raise _refused(told=f"<{name}> within {around[-1]}")
    if name in ALONE and set(around) - {"blockquote"}:
        raise _refused(told=f"<{name}> within {around[-1]}")
    if name in around:
        raise _refused(told=f"<{name}> within itself")
    if name == "a":
        address = ADDRESS.fullmatch(more)
        if not address or not html.unescape(address[1]).lower().startswith(SCHEMES):
            raise _refused(told=f"<a{more}>")
    elif name not in PLAIN | ALONE | {"blockquote"} or more:
        raise _refused(told=f"<{name}{more}>")
