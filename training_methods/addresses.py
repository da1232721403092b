"""The addresses of records' pages."""

from functools import lru_cache

from django.urls import get_script_prefix, reverse


def page_of(view: str, key: object) -> str:
    """As `reverse` has it."""
    return looked_up(view, key, get_script_prefix())


@lru_cache(maxsize=5000)  # a list shows the same records every few seconds, and Django looks for each anew
def looked_up(view: str, key: object, prefix: str) -> str:
    """`prefix` is what the console's addresses begin with, which `reverse` puts before them by itself."""
    return reverse(view, args=[key])
