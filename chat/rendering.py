"""Markdown to HTML, on the server: rendered, coloured, sanitised. Model text is hostile."""

import html
from collections.abc import Iterable, Sequence
from functools import lru_cache

import nh3
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from agents.messages import Attached

MAX_COLOURED = 50_000
KEPT = 500  # texts
MAX_KEPT = 8_000  # characters of each
SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_WORDS = "a blockquote br code del div em hr li ol p pre s span strong ul"
_HEADS = "h1 h2 h3 h4 h5 h6"
_TABLES = "table tbody td th thead tr"
TAGS = frozenset(f"{_WORDS} {_HEADS} {_TABLES}".split())
ATTRIBUTES = {
    "a": {"href", "title"},
    "code": {"class"},
    "div": {"class"},
    "ol": {"start"},
    "pre": {"class", "tabindex"},
    "span": {"class"},
    "td": {"class"},
    "th": {"class"},
}


def render(text: str) -> str:
    """Return Markdown as HTML that is safe to show, with no image loaded from anywhere.

    What was rendered of late is kept: a page shows the same messages again and again.
    """
    return _kept(text) if len(text) <= MAX_KEPT else _rendered(text)


@lru_cache(maxsize=KEPT)
def _kept(text: str) -> str:
    return _rendered(text)


def _rendered(text: str) -> str:
    return nh3.clean(
        parser().render(text),
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def plain(text: str) -> str:
    """Return what a person typed as HTML, as it was typed."""
    return f'<p class="plain">{html.escape(text)}</p>'


def by_role(role: str, text: str, attached: Iterable[Attached] = ()) -> str:
    """Return a message as HTML: what a person typed as it is, what an agent wrote rendered."""
    said = plain(text) if role == "user" and text else render(text)
    return said + files(attached)


def files(attached: Iterable[Attached]) -> str:
    """Return files as HTML: links, and images to look at."""
    made = "".join(_file(each) for each in attached)
    return f'<p class="files">{made}</p>' if made else ""


def _file(attached: Attached) -> str:
    address = reverse("api-1:attachment", args=[attached.id])
    name, size = html.escape(attached.name), filesizeformat(attached.size)
    shown = (
        f'<img src="{address}" alt="{name}" loading="lazy">'
        if is_shown(attached.media_type)
        else name
    )
    return f'<a href="{address}" target="_blank" rel="noopener">{shown}</a> <small>{size}</small> '


def is_shown(media_type: str) -> bool:
    """Tell whether a page may show a file right there: only images that can't do anything."""
    return media_type in SHOWN


def finished_blocks(text: str, start: int) -> int:
    """Return where the finished blocks of a growing text end, from `start` on.

    A block is finished when an empty line follows it outside of a fence, and the line behind
    that doesn't go on with it (a list item, an indented line, a quote).
    """
    end = start
    position = start
    fence = ""
    for line in text[start:].splitlines(keepends=True):
        position += len(line)
        mark = line.lstrip()[:3]
        if mark in {"```", "~~~"} and (not fence or mark == fence):
            fence = "" if fence else mark
        if not line.endswith("\n"):
            break
        if not fence and not line.strip() and _begins_anew(text, position):
            end = position
    return end


def _begins_anew(text: str, position: int) -> bool:
    """Tell whether the line at `position` begins a block of its own, as far as it is known."""
    following = text[position : position + 4]
    return bool(following) and not following[0].isspace() and following[0] not in "-*+>|0123456789"


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """Return what reads Markdown, for all channels."""
    made = MarkdownIt("commonmark", {"html": False, "highlight": _coloured})
    made.enable(["table", "strikethrough"])
    made.add_render_rule("image", _image_as_link)
    return made


def _coloured(code: str, language: str, _: str) -> str:
    if not language or len(code) > MAX_COLOURED:
        return ""
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    return highlight(code, lexer, HtmlFormatter(nowrap=True))


def _image_as_link(self: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    """Show where an image lies; loading it would tell a stranger's server of the reader."""
    token = tokens[index]
    source = html.escape(str(token.attrs.get("src", "")))
    label = html.escape(token.content) or source
    return f'<a href="{source}">{label} (image)</a>'
