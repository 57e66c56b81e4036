"""Markdown in Telegram: its subset of HTML, in messages that fit, with nothing lost."""

import html
import re

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chat.rendering import parser
from telegram_bot import formatting
from telegram_bot.formatting import LIMIT, messages, units
from telegram_bot.tables import in_columns
from tests.support.telegram_html import text_of

WORD = st.text("abcdefgäöü日本🙂<>&\"'_*`~[]()|#-+.!\\", min_size=1, max_size=12)
WORDS = st.lists(WORD, min_size=1, max_size=12).map(" ".join)
INLINE = st.one_of(
    WORDS,
    WORDS.map(lambda text: f"**{text}**"),
    WORDS.map(lambda text: f"*{text}*"),
    WORDS.map(lambda text: f"~~{text}~~"),
    WORDS.map(lambda text: f"`{text}`"),
    WORDS.map(lambda text: f"***`{text}` and {text}***"),
    WORDS.map(lambda text: f"[{text}](https://a.example/?x=1&y=2)"),
    WORDS.map(lambda text: f"[`{text}`](/somewhere)"),
    WORDS.map(lambda text: f"![{text}](https://a.example/i.png)"),
)
LINE = st.lists(INLINE, min_size=1, max_size=4).map(" ".join)
CODE = st.lists(st.text("abc <>&=\t", max_size=60), min_size=1, max_size=80).map("\n".join)
BLOCK = st.one_of(
    LINE,
    st.lists(LINE, min_size=2, max_size=3).map("\n".join),
    st.tuples(st.integers(1, 6), LINE).map(lambda each: f"{'#' * each[0]} {each[1]}"),
    st.lists(LINE, min_size=1, max_size=5).map(lambda each: "\n".join(f"- {i}" for i in each)),
    st.lists(LINE, min_size=1, max_size=5).map(lambda each: "\n".join(f"3. {i}" for i in each)),
    st.tuples(LINE, LINE, CODE).map(
        lambda each: f"- {each[0]}\n  - {each[1]}\n\n    more\n- x\n\n      {each[2]}"
    ),
    LINE.map(lambda text: f"> {text}\n> > {text}\n>\n> - {text}\n>\n> ```\n> {text}\n> ```\n> z"),
    CODE.map(lambda text: f"```python\n{text}\n```"),
    CODE.map(lambda text: f"~~~~ c++ and more\n{text}"),
    st.tuples(LINE, LINE).map(
        lambda each: f"| a | {each[0]} |\n|---|:-:|\n| {each[1]} | b |\n| c |"
    ),
    st.just("---"),
)
DOCUMENT = st.lists(BLOCK, min_size=1, max_size=8).map("\n\n".join)


def letters(text: str) -> str:
    """Return what is written, without spaces and without the marks of lists and rules."""
    return re.sub(r"[\s•◦▪—─]", "", text)


def as_the_page_shows_it(markdown: str) -> str:
    """Return a document's text as a browser has it, by the parser's own renderer."""
    return html.unescape(re.sub(r"<[^>]*>", "", parser().render(markdown).replace(" (image)", "")))


def stands_in(part: str, whole: str) -> bool:
    """Tell whether one text's characters all stand in another one, in order."""
    rest = iter(whole)
    return all(each in rest for each in part)


@given(DOCUMENT)
@settings(max_examples=150, deadline=None)
def test_documents_are_taken_and_nothing_is_lost(markdown: str) -> None:
    made = messages(markdown)

    assert all(0 < units(each) <= LIMIT for each in made)
    shown = "".join(text_of(each) for each in made)
    assert stands_in(letters(as_the_page_shows_it(markdown)), letters(shown))


@given(st.lists(LINE, min_size=30, max_size=60).map("\n\n".join), st.integers(120, 400))
@settings(max_examples=60, deadline=None, phases=[Phase.generate])  # to shrink takes minutes
def test_whatever_the_limit_each_message_is_whole(markdown: str, limit: int) -> None:
    made = messages(markdown, limit=limit)

    assert len(made) > 1
    assert all(units(each) <= limit for each in made)
    shown = "".join(text_of(each) for each in made)
    assert stands_in(letters(as_the_page_shows_it(markdown)), letters(shown))


@given(st.text(max_size=3_000))
@settings(max_examples=150, deadline=None)
def test_any_text_at_all_is_taken(markdown: str) -> None:
    for each in messages(markdown):
        text_of(each)


@pytest.mark.parametrize(
    ("markdown", "made"),
    [
        ("# The `x` **thing**", "<b>The </b><code>x</code><b> thing</b>"),
        ("a & <b>", "a &amp; &lt;b&gt;"),
        ("*a **b** c*", "<i>a <b>b</b> c</i>"),
        ("~~gone~~", "<s>gone</s>"),
        ("**a `b` c**", "<b>a </b><code>b</code><b> c</b>"),
        ("[a](https://x.y/?q=1&r=2)", '<a href="https://x.y/?q=1&amp;r=2">a</a>'),
        ("[`a`](https://x.y/)", '<a href="https://x.y/">a</a>'),
        ("[a](b.md)", "a (b.md)"),
        ("![a](https://x.y/i.png)", '<a href="https://x.y/i.png">a</a>'),
        ("- a\n- b\n  - c\n\n1. d\n2. e", "• a\n• b\n   ◦ c\n\n1. d\n2. e"),
        ("- [ ] a\n- [x] b", "• [ ] a\n• [x] b"),
        ("> a\n> > b", "<blockquote>a\nb</blockquote>"),
        ("> a\n>\n> ```\n> b\n> ```", "<blockquote>a</blockquote>\n\n<pre>b</pre>"),
        ("```c++\nx < 1\n```", '<pre><code class="language-c++">x &lt; 1</code></pre>'),
        ('```"><b>\nx\n```', "<pre>x</pre>"),
        ("    x", "<pre>x</pre>"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("a\nb", "a\nb"),
        ("`` a`b ``", "<code>a`b</code>"),
        ("[a](javascript:x)", "[a](javascript:x)"),
        ("```\nhalf open", "<pre>half open</pre>"),
        ("", ""),
    ],
)
def test_marks_become_tags(markdown: str, made: str) -> None:
    assert "".join(messages(markdown)) == made
    text_of(made)


def test_long_code_is_fenced_anew_in_each_message_and_cut_between_lines() -> None:
    lines = [f"line {number} <&>" for number in range(1_000)]
    made = messages("Before\n\n```rust\n" + "\n".join(lines) + "\n```\n\nAfter")

    assert made[0].startswith("Before")
    assert all('<pre><code class="language-rust">' in each for each in made[1:-1])
    said = "\n".join(text_of(each) for each in made).splitlines()
    assert [line for line in said if line.startswith("line")] == lines


def test_a_word_longer_than_a_message_is_cut() -> None:
    made = messages("x" * 10_000)

    assert "".join(made) == "x" * 10_000
    assert all(len(each) <= LIMIT for each in made)


def test_messages_end_where_blocks_do() -> None:
    paragraphs = [f"{number} " + "word " * 300 for number in range(6)]
    made = messages("\n\n".join(paragraphs))

    assert [each[0] for each in made] == ["0", "2", "4"]


def test_tables_stand_in_columns() -> None:
    table = in_columns([["name", "日本"], ["a", "1"], ["longer", "12", "extra"]])

    assert table.splitlines() == [
        "name    日本",
        "──────  ────  ─────",
        "a       1",
        "longer  12    extra",
    ]


def test_a_plain_line_has_no_marks() -> None:
    assert formatting.plain("# A\n\n- **b** `c`\n\n[d](e)") == "A • b c d (e)"
