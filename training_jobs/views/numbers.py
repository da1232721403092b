"""Whole numbers in a page's address."""

from django.http import HttpRequest


def number_in(request: HttpRequest, name: str) -> int:
    """0 for anything that is none."""
    text = request.GET.get(name, "")[:18]
    return int(text) if text.isascii() and text.isdecimal() else 0
