"""What lists show in a table's cells."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from training_methods.templatetags import console
from training_methods.templatetags.console import middle

NOTHING = "–"


def link(address: str, text: object, *, length: int = 40, key: object = "") -> SafeString:
    """`key` makes an id of it, by which a part that is swapped finds the focus again."""
    label = middle(text, length)
    if key:
        return format_html('<a href="{}" id="open-{}">{}</a>', address, key, label)
    return format_html('<a href="{}">{}</a>', address, label)


def choice(record: Any, label: str) -> SafeString:
    """The cell with a box, by which a row is chosen."""
    box = '<input class="form-check-input" type="checkbox" name="chosen" value="{}" id="choose-{}" aria-label="{}">'
    return format_html(f'<td class="choose">{box}</td>', record.pk, record.pk, label)


def code(text: object, *, length: int = 32) -> SafeString:
    return format_html("<code>{}</code>", middle(text, length))


def part(template: str, **context: Any) -> str:
    """A template that says the same elsewhere."""
    return get_template(template).render(context)


def when(time: Any) -> str:
    return console.when(time) if time else NOTHING


def number(value: int | None) -> str:
    return NOTHING if value is None else intcomma(value)


@lru_cache(maxsize=2000)  # most rows of a list have it in common with others
def narrowed(filter_name: str, text: str, *, length: int = 32) -> str:
    """Leads to the same list with only what has this value."""
    if not text:
        return NOTHING
    return format_html('<a class="narrow-to" href="?{}">{}</a>', urlencode({filter_name: text}), middle(text, length))
