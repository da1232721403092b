"""A select box in one piece: Django renders a template for each option, and a list of methods has many."""

from html import escape  # Django's looks for lazy texts and wraps each result
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString


class PlainSelect(forms.Select):
    def __init__(self) -> None:
        super().__init__({"class": "form-select"})

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        chosen = "" if value is None else str(value)
        inside = SafeString("".join(option(key, label, chosen) for key, label in self.choices))
        all_attrs = flatatt(self.build_attrs(self.attrs, {"name": name} | (attrs or {})))
        return format_html("<select{}>{}</select>", all_attrs, inside)


def option(key: object, label: object, chosen: str) -> str:
    mark = " selected" if str(key) == chosen else ""
    return f'<option value="{escape(str(key))}"{mark}>{escape(str(label))}</option>'
