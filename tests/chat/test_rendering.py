"""Markdown from models: shown well, and harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.rendering import MAX_KEPT, by_role, finished_blocks, plain, render


def test_markdown_is_rendered() -> None:
    html = render("# Title\n\n- *a*\n- **b**\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n~~gone~~")

    for part in ("<h1>Title</h1>", "<em>a</em>", "<strong>b</strong>", "<td>1</td>", "<s>gone</s>"):
        assert part in html


@pytest.mark.parametrize("length", [1, MAX_KEPT - 8, MAX_KEPT])
def test_it_is_the_same_the_second_time(length: int) -> None:
    text = f"**{'x' * length}** <b>"

    first = render(text)

    assert first == f"<p><strong>{'x' * length}</strong> &lt;b&gt;</p>\n"
    assert render(text) == first


def test_code_is_coloured_without_inline_style() -> None:
    html = render("```python\ndef f(): return 1\n```")

    assert '<span class="k">def</span>' in html
    assert "style=" not in html
    assert "def f()" in render("```nonsense\ndef f()\n```")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](https://evil.example/pixel.png)",
        '<a href="https://x" onclick="alert(1)">x</a>',
        "```html\n<script>alert(1)</script>\n```",
        '![" onerror="alert(1)](x)',
    ],
)
def test_hostile_text_does_nothing(hostile: str) -> None:
    html = render(hostile)

    assert "<script" not in html
    assert "<img" not in html
    for tag in html.split("<")[1:]:
        inside = tag.partition(">")[0]
        assert "onerror" not in inside
        assert "onclick" not in inside
        assert "javascript:" not in inside
        assert 'href="data:' not in inside


def test_an_image_becomes_a_link() -> None:
    html = render("![A chart](https://example.org/chart.png)")

    assert 'href="https://example.org/chart.png"' in html
    assert "A chart (image)" in html
    assert 'rel="noopener noreferrer nofollow"' in html


@given(st.text())
def test_what_a_person_typed_stays_as_it_was(text: str) -> None:
    assert "<b" not in plain(text)
    assert by_role("user", "<b>*x*</b>") == '<p class="plain">&lt;b&gt;*x*&lt;/b&gt;</p>'


@given(st.text(st.sampled_from("ab`~\n #-1"), max_size=60))
def test_finished_blocks_end_behind_an_empty_line(text: str) -> None:
    end = finished_blocks(text, 0)

    assert 0 <= end <= len(text)
    assert end == 0 or text[:end].endswith("\n")
