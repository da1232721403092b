"""What every page of the console shows the same way."""

import re
from typing import Literal

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A symbol of static/icons.svg. It says nothing by itself: a word stands beside it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', static("icons.svg"), name)


@register.filter
def middle(text: object, length: int = 40) -> SafeString:
    """Cut in the middle, where names of models and runs differ least, with the whole on hover."""
    whole = str(text)
    if len(whole) <= length:
        return format_html("{}", whole)
    head = (length - 1) // 2
    tail = length - 1 - head
    return format_html('<span title="{}">{}…{}</span>', whole, whole[:head], whole[-tail:])


@register.filter
def flowing(text: str) -> str:
    """A docstring without the line ends that fit it into its file; paragraphs, lists and indented lines stay."""
    return re.sub(r"(?<!\n)\n(?=[^\s*\d-])", " ", text)


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds as people say them: 42 s, 3 min 20 s, 2 h 05 min."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


@register.filter
def significant(number: float | Literal[""] | None, digits: int = 4) -> str:
    """A measured value with as many digits as matter, zeros included, so that a column of them lines up."""
    return "–" if number is None or number == "" else f"{number:#.{digits}g}"
