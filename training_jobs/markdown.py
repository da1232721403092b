"""A model card as HTML: the little Markdown that model cards are made of. Whatever else it says is shown as text."""

import re
from collections.abc import Callable, Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

STRONG = re.compile(r"\*\*(.+?)\*\*")
EMPHASIS = re.compile(r"(?<![\w*])\*([^*\n]+?)\*(?![\w*])")
# No bracket within a link's text: else each of many that nothing closes would look through all that follow.
CODE_OR_LINK = re.compile(r"`([^`\n]+)`|\[([^\[\]\n]+)\]\((https?://[^\s()]+)\)")
HEADING = re.compile(r"(#{1,6})\s+(.+)")
ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(.+)")
FENCE = re.compile(r"\s*(```|~~~)")
ROW = re.compile(r"\|(.*)\|\s*")
BAR = re.compile(r"(?<!\\)\|")  # between two cells; one with a backslash before it is text
DIVIDER = re.compile(r"\|[\s|:-]+\|\s*")
RULE = re.compile(r"-{3,}\s*")


def as_html(text: str) -> SafeString:
    """Everything is escaped before a tag is put around it."""
    return mark_safe("\n".join(blocks(text.replace("\r\n", "\n").split("\n"))))  # noqa: S308


def blocks(lines: list[str]) -> Iterator[str]:
    """Front matter, fenced code, headings, tables, lists and paragraphs, in order."""
    place = 0
    if lines and lines[0] == "---" and "---" in lines[1:]:
        place = lines.index("---", 1) + 1
        yield code(lines[1 : place - 1])
    while place < len(lines):
        line = lines[place]
        if fence := FENCE.match(line):
            end = next_index(lines, place + 1, lambda other: other.strip().startswith(fence[1]))
            yield code(lines[place + 1 : end])
            place = end + 1
        elif heading := HEADING.fullmatch(line):
            level = min(6, len(heading[1]) + 2)  # below the page's own headings
            yield f"<h{level}>{inline(heading[2])}</h{level}>"
            place += 1
        elif ROW.fullmatch(line):
            end = next_index(lines, place, lambda other: not ROW.fullmatch(other))
            yield table(lines[place:end])
            place = end
        elif ITEM.fullmatch(line):
            end = next_index(lines, place, lambda other: not ITEM.fullmatch(other))
            items = (ITEM.fullmatch(one) for one in lines[place:end])
            yield "<ul>" + "".join(f"<li>{inline(item[1])}</li>" for item in items if item) + "</ul>"
            place = end
        elif not line.strip() or RULE.fullmatch(line):
            place += 1
        else:
            end = next_index(lines, place + 1, ends_a_paragraph)
            yield f"<p>{inline(' '.join(lines[place:end]))}</p>"
            place = end


def next_index(lines: list[str], start: int, is_it: Callable[[str], object]) -> int:
    return next((index for index in range(start, len(lines)) if is_it(lines[index])), len(lines))


def ends_a_paragraph(line: str) -> bool:
    return not line.strip() or bool(FENCE.match(line) or HEADING.fullmatch(line) or ITEM.fullmatch(line))


def code(lines: list[str]) -> str:
    return f'<pre class="code-block" tabindex="0">{escape(chr(10).join(lines))}</pre>'


def table(lines: list[str]) -> str:
    rows = [
        [inline(cell.strip().replace("\\|", "|")) for cell in BAR.split(line.strip()[1:-1])]
        for line in lines
        if not DIVIDER.match(line)
    ]
    filled = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows if any(row)]
    return (
        '<table class="table table-values"><tbody>' + "".join(f"<tr>{row}</tr>" for row in filled) + "</tbody></table>"
    )


def inline(text: str) -> str:
    """Code, links and emphasis; none of it within code or a link's address."""
    text, place, parts = str(escape(text)), 0, []
    for found in CODE_OR_LINK.finditer(text):
        parts += [emphasised(text[place : found.start()]), code_or_link(found)]
        place = found.end()
    return "".join([*parts, emphasised(text[place:])])


def code_or_link(found: re.Match[str]) -> str:
    if found[1]:
        return f"<code>{found[1]}</code>"
    return f'<a href="{found[3]}" rel="noopener noreferrer nofollow">{emphasised(found[2])}</a>'


def emphasised(text: str) -> str:
    return EMPHASIS.sub(r"<em>\1</em>", STRONG.sub(r"<strong>\1</strong>", text))
