"""Markdown as Telegram shows it: HTML of its small subset, in messages of at most 4,096 characters.

The same parser as for the page reads the text. What Telegram has no tag for becomes text that
reads like it: headings are bold, lists have bullets, tables stand in columns of fixed width.
A message is cut where a block ends, and within one only where it has to be: tags are closed
there and opened again in the next message, code in a fence of its own.
"""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from markdown_it.tree import SyntaxTreeNode

from chat.rendering import parser
from telegram_bot.tables import in_columns

LIMIT = 4_096  # UTF-16 units, of the HTML with its tags: what Telegram counts is never more
BULLETS = ("•", "◦", "▪")
RULE = "———"
SCHEMES = ("http://", "https://", "mailto:", "tg://")
LANGUAGE = re.compile(r"[\w+#.-]{1,30}")
TAG = re.compile(r"<[^<>]*>")
WORDS = re.compile(r"\S+\s*|\s+")

Tags = tuple[str, ...]


class Run(NamedTuple):
    """A text within the same tags, from the outermost to the innermost."""

    text: str
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class Block:
    """What stands by itself: a paragraph, an item of a list, a piece of code.

    Attributes:
        runs: Its text.
        tight: Whether it follows the block before it without an empty line.
    """

    runs: tuple[Run, ...]
    tight: bool = False


def messages(markdown: str, *, limit: int = LIMIT) -> list[str]:
    """Return a text as Telegram's HTML, in as many messages as it needs.

    Args:
        markdown: The text.
        limit: The length of a message, in UTF-16 units, tags and all.
    """
    return packed(blocks(markdown), limit=limit)


def packed(given: Iterable[Block], *, limit: int = LIMIT) -> list[str]:
    """Return blocks as Telegram's HTML, in as many messages as they need."""
    made: list[list[Block]] = []
    size = 0
    for block in (piece for each in given for piece in _fitting(each, limit)):
        more = units(_html(block.runs)) + 2
        if not made or size + more > limit:
            made.append([])
            size = 0
        made[-1].append(block)
        size += more
    return [_joined(each) for each in made]


def blocks(markdown: str) -> list[Block]:
    """Return the blocks of a text."""
    tree = SyntaxTreeNode(parser().parse(markdown))
    return [block for block in _blocks(tree.children) if any(run.text for run in block.runs)]


def plain(markdown: str) -> str:
    """Return a text without any marks, as one line."""
    said = " ".join("".join(run.text for run in each.runs) for each in blocks(markdown))
    return " ".join(said.split())


def escape(text: str) -> str:
    """Return a text as it stands in Telegram's HTML."""
    return html.escape(text, quote=False)


def without_tags(made: str) -> str:
    """Return what HTML of ours says."""
    return html.unescape(TAG.sub("", made))


def units(text: str) -> int:
    """Return a text's length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def shortened(text: str, most: int) -> str:
    """Return a text's beginning, with a sign that it goes on."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# From the parser's tree to blocks ---------------------------------------------------------------


def _blocks(nodes: Iterable[SyntaxTreeNode], tags: Tags = ()) -> Iterator[Block]:
    for node in nodes:
        match node.type:
            case "heading":
                yield Block(tuple(_inline(node.children, (*tags, "b"))))
            case "bullet_list" | "ordered_list":
                yield from _items(node, tags, depth=0)
            case "blockquote":
                yield from _quoted(node, tags)
            case "fence" | "code_block":
                yield _code(node)
            case "table":
                yield Block((Run(in_columns(_cells(node)), ("pre",)),))
            case "hr":
                yield Block((Run(RULE, tags),))
            case _:
                yield Block(tuple(_inline(node.children, tags)))


def _items(node: SyntaxTreeNode, tags: Tags, *, depth: int) -> Iterator[Block]:
    """Yield a list's items, each behind its mark; what belongs to one is indented."""
    start = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start):
        ordered = node.type == "ordered_list"
        mark = f"{number}." if ordered else BULLETS[min(depth, len(BULLETS) - 1)]
        indent = "   " * depth
        first = True
        for child in item.children:
            if child.type in {"bullet_list", "ordered_list"}:
                if first:
                    yield Block((Run(f"{indent}{mark}", tags),), tight=number > start or depth > 0)
                yield from _tight(_items(child, tags, depth=depth + 1))
            else:
                for block in _blocks([child], tags):
                    lead = f"{indent}{mark} " if first else f"{indent}   "
                    follows = not first or number > start or depth > 0
                    yield _led(block, lead, tags, tight=follows)
                    first = False
            first = False
        if not item.children:
            yield Block((Run(f"{indent}{mark}", tags),), tight=number > start or depth > 0)


def _tight(made: Iterable[Block]) -> Iterator[Block]:
    for block in made:
        yield replace(block, tight=True)


def _led(block: Block, lead: str, tags: Tags, *, tight: bool) -> Block:
    """Return a block behind a mark; code begins on a line of its own, behind nothing."""
    if block.runs and block.runs[0].tags[-1:] and block.runs[0].tags[0] == "pre":
        runs = (Run(lead.rstrip() + "\n", tags), *block.runs) if lead.strip() else block.runs
        return Block(runs, tight=tight)
    return Block((Run(lead, tags), *block.runs), tight=tight)


def _quoted(node: SyntaxTreeNode, tags: Tags) -> Iterator[Block]:
    """Yield what a quotation says; one within another is flattened, code stands outside."""
    inner = tags if "blockquote" in tags else ("blockquote", *tags)
    held: list[Run] = []
    for block in _blocks(node.children, inner):
        if any(run.tags[:1] == ("pre",) for run in block.runs):
            if held:
                yield Block(tuple(held))
            held = []
            yield block
        else:
            held += [Run("\n", inner), *block.runs] if held else block.runs
    if held:
        yield Block(tuple(held))


def _code(node: SyntaxTreeNode) -> Block:
    info: str = node.info or ""
    named = LANGUAGE.match(info.strip())
    tags = ("pre", f"code:{named[0]}") if named else ("pre",)
    return Block((Run(node.content.rstrip("\n") or " ", tags),))


def _cells(table: SyntaxTreeNode) -> list[list[str]]:
    rows = [row for part in table.children for row in part.children]
    return [
        ["".join(run.text for run in _inline(cell.children)) for cell in row.children]
        for row in rows
    ]


def _inline(nodes: Iterable[SyntaxTreeNode], tags: Tags = ()) -> Iterator[Run]:
    for node in nodes:
        match node.type:
            case "inline":
                yield from _inline(node.children, tags)
            case "strong" | "em" | "s":
                yield from _inline(node.children, _with(tags, _TAGS[node.type]))
            case "code_inline":
                yield Run(node.content, _for_code(tags))
            case "link":
                yield from _link(str(node.attrs.get("href", "")), list(node.children), tags)
            case "image":
                source = str(node.attrs.get("src", ""))
                yield from _address(source, [Run(node.content.strip() or source or "image", tags)])
            case "softbreak" | "hardbreak":
                yield Run("\n", tags)
            case _:
                yield Run(node.content, tags)


_TAGS = {"strong": "b", "em": "i", "s": "s"}


def _with(tags: Tags, tag: str) -> Tags:
    return tags if tag in tags else (*tags, tag)


def _for_code(tags: Tags) -> Tags:
    """Return the tags of a piece of code: it stands in none but a quotation, nor in a link."""
    if any(tag.startswith("a:") for tag in tags):
        return tags
    return (*(tag for tag in tags if tag == "blockquote"), "code")


def _link(href: str, children: Sequence[SyntaxTreeNode], tags: Tags) -> Iterator[Run]:
    yield from _address(href, list(_inline(children, tags)), within=True)


def _address(href: str, label: list[Run], *, within: bool = False) -> Iterator[Run]:
    """Yield a label that leads somewhere; where Telegram can't go is written behind it."""
    text = "".join(run.text for run in label)
    if href.lower().startswith(SCHEMES):
        for run in label if text.strip() else [Run(href, label[0].tags if label else ())]:
            if any(tag.startswith("a:") for tag in run.tags):
                yield run  # a picture within a link leads where it says itself
                continue
            quote = tuple(tag for tag in run.tags if tag == "blockquote")
            other = tuple(tag for tag in run.tags if tag not in {"blockquote", "code"})
            yield Run(run.text, (*quote, f"a:{href}", *other))
        return
    yield from label
    if href and (not within or href != text):
        yield Run(f" ({href})", label[0].tags if label else ())


# From blocks to HTML ----------------------------------------------------------------------------


def _joined(packed: Sequence[Block]) -> str:
    made = _html(packed[0].runs)
    for block in packed[1:]:
        made += ("\n" if block.tight else "\n\n") + _html(block.runs)
    return made.strip("\n")


def _html(runs: Iterable[Run]) -> str:
    made: list[str] = []
    now: Tags = ()
    for run in runs:
        if not run.text:
            continue
        same = _shared(now, run.tags)
        made += [_closing(tag) for tag in reversed(now[same:])]
        made += [_opening(tag) for tag in run.tags[same:]]
        made.append(escape(run.text))
        now = run.tags
    made += [_closing(tag) for tag in reversed(now)]
    return "".join(made)


def _shared(one: Tags, other: Tags) -> int:
    count = 0
    while count < min(len(one), len(other)) and one[count] == other[count]:
        count += 1
    return count


def _opening(tag: str) -> str:
    name, _, value = tag.partition(":")
    if name == "a":
        return f'<a href="{html.escape(value)}">'
    return f'<code class="language-{html.escape(value)}">' if value else f"<{name}>"


def _closing(tag: str) -> str:
    return f"</{tag.partition(':')[0]}>"


# Cutting what is too long -----------------------------------------------------------------------


def _fitting(block: Block, limit: int) -> list[Block]:
    """Return a block in pieces that each fit into a message."""
    if units(_html(block.runs)) + 2 <= limit:
        return [block]
    pieces: list[list[Run]] = [[]]
    size = 0
    for run in block.runs:
        tags = _tags_size(run)
        if tags >= limit // 2:  # an address as long as a message: what it is called is kept
            run, tags = Run(run.text), 0  # noqa: PLW2901
        room = limit - 2 - tags
        if pieces[-1] and size >= room:
            pieces.append([])
            size = 0
        for number, text in enumerate(_cut(run.text, first=room - size, room=room)):
            if number:
                pieces.append([])
                size = 0
            pieces[-1].append(Run(text, run.tags))
            size += tags + units(escape(text))
    made = [Block(tuple(each)) for each in pieces if any(run.text.strip() for run in each)]
    return [replace(made[0], tight=block.tight), *made[1:]] if made else []


def _tags_size(run: Run) -> int:
    return sum(units(_opening(tag)) + units(_closing(tag)) for tag in run.tags)


def _cut(text: str, *, first: int, room: int) -> Iterator[str]:
    """Yield a text in pieces: cut at the end of a line if there is one, else behind a word."""
    held, size, line_end, most = "", 0, 0, first
    for word in (part for each in WORDS.findall(text) for part in _bits(each, room)):
        more = units(escape(word))
        if size + more > most:
            keep = line_end if line_end > len(held) // 2 else len(held)
            yield held[:keep]
            held, line_end, most = held[keep:], 0, room
            size = units(escape(held))
        held += word
        size += more
        if "\n" in word:
            line_end = len(held)
    yield held


def _bits(word: str, room: int) -> Iterator[str]:
    """Yield a word in pieces, none of them longer than a message."""
    bit, size = "", 0
    for character in word if units(escape(word)) > room else [word]:
        more = units(escape(character))
        if bit and size + more > room:
            yield bit
            bit, size = "", 0
        bit += character
        size += more
    yield bit
