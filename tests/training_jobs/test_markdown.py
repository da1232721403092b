"""Model cards: what they use of Markdown is shown as such, and nothing of them is ever a tag."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_jobs.markdown import as_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Kettle", "<h3>Kettle</h3>"),
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("- a\n- **b**\n1. c", "<ul><li>a</li><li><strong>b</strong></li><li>c</li></ul>"),
        ("a `x < *y*` b", "<p>a <code>x &lt; *y*</code> b</p>"),
        ("```python\nif a:\n    b\n```", '<pre class="code-block" tabindex="0">if a:\n    b</pre>'),
        ("---\nlicense: mit\n---\ntext", '<pre class="code-block" tabindex="0">license: mit</pre>\n<p>text</p>'),
        ("[us](https://a.b/c)", '<p><a href="https://a.b/c" rel="noopener noreferrer nofollow">us</a></p>'),
        (
            "[us](https://a*b*c)",
            '<p><a href="https://a*b*c" rel="noopener noreferrer nofollow">us</a></p>',
        ),
        (
            "| | |\n|---|---|\n| Base | `x` |",
            '<table class="table table-values"><tbody><tr><td>Base</td><td><code>x</code></td></tr></tbody></table>',
        ),
        (
            "| prompts | Who? \\| Why? |",
            '<table class="table table-values"><tbody><tr><td>prompts</td><td>Who? | Why?</td></tr></tbody></table>',
        ),
        ("[us](javascript:alert(1))", "<p>[us](javascript:alert(1))</p>"),
        ('<img src=x onerror="a()">', "<p>&lt;img src=x onerror=&quot;a()&quot;&gt;</p>"),
        ("", ""),
    ],
)
def test_it_shows(text, html):
    assert as_html(text) == html


def test_a_card_of_brackets_keeps_nobody_waiting():
    """A page that shows it holds up all others of its process."""
    began = time.monotonic()

    assert "<a" not in as_html("[" * 64 * 1024)

    assert time.monotonic() - began < 5


@given(st.text(alphabet="<>\"'`*[]()#-~\n ahtps:/.\\&;="))
def test_nothing_becomes_a_tag_of_its_own(text):
    html = as_html(text)

    for tag in ("<a h", "<a>", "<p ", "<s>", "<t", "<script"):
        assert tag not in html.replace('<a href="http', "")
