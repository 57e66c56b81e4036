"""A page of the web as text that a model can read."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from typing_extensions import override

SKIPPED = frozenset(
    {"script", "style", "noscript", "template", "svg", "nav", "iframe", "select", "head"}
)
BLOCKS = frozenset(
    {"p", "div", "section", "article", "main", "header", "footer", "aside", "table", "tr", "ul"}
    | {"ol", "dl", "dt", "dd", "blockquote", "figure", "figcaption", "pre", "hr", "br", "address"}
)
HEADINGS = {f"h{level}": "\n\n" + "#" * level + " " for level in range(1, 7)}
BEFORE = (
    dict.fromkeys(BLOCKS, "\n\n")
    | HEADINGS
    | {"br": "\n", "div": "\n", "li": "\n- ", "td": " | ", "th": " | ", "tr": "\n"}
)


def text_of(html: str, *, url: str = "") -> tuple[str, str]:
    """Return a page's title, and its text with headings, lists and links in Markdown.

    Args:
        html: The page.
        url: Where it is from: links are made whole with it.
    """
    reader = _Reader(url)
    reader.feed(html)
    reader.close()
    text = re.sub(r"[ \t\u00a0]+", " ", "".join(reader.pieces))
    lines = (line.strip() for line in text.split("\n"))
    return " ".join(reader.title.split()), re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.title = ""
        self._url = url
        self._skipped: list[str] = []
        self._in_title = False
        self._link = ""
        self._link_from = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and not self.title:
            self._in_title = True
        elif tag == "body":
            self._skipped.clear()  # a head that was left open ends
        elif tag in SKIPPED:
            self._skipped.append(tag)
        if self._skipped:
            return
        self.pieces.append(BEFORE.get(tag, ""))
        if tag == "a":
            self._link = dict(attrs).get("href") or ""
            self._link_from = len(self.pieces)

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if tag in self._skipped:  # what was left open inside it ends, too
            while self._skipped.pop() != tag:
                pass
            return
        if self._skipped:
            return
        if tag in HEADINGS or tag in BLOCKS:
            self.pieces.append("\n")
        elif tag == "a" and self._link:
            self._end_link()

    def _end_link(self) -> None:
        said = " ".join("".join(self.pieces[self._link_from :]).split())
        try:
            target = urlsplit(urljoin(self._url, self._link)).geturl()
        except ValueError:
            target = ""
        if said and target.startswith(("http://", "https://")):
            self.pieces[self._link_from :] = [f"[{said}]({target})"]
        self._link = ""

    @override
    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        elif not self._skipped:
            self.pieces.append(data.replace("\n", " "))
