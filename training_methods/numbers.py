"""Numbers as the reader's language writes them; in fields, JSON and exports they stay as machines write them."""

import re
from decimal import Decimal
from typing import Any

from django.utils.formats import get_format, number_format
from django.utils.translation import gettext as _

IN_ENGLISH = re.compile(r"-?(\d{1,3}(,\d{3})*|\d+)(\.\d+)?(e[+-]?\d+)?")


def rounded(number: float, digits: int) -> str:
    """With as many digits as matter, and no zeros that do not."""
    return number_format(Decimal(f"{number:.{digits}g}"), force_grouping=True)


def percent(share: float, digits: int = 2) -> str:
    return _("%(number)s%%") % {"number": rounded(share * 100, digits)}


def in_short(number: int) -> str:
    """4.9 M, 135 M, 1.2 B."""
    for size, words in ((1e9, _("%(number)s B")), (1e6, _("%(number)s M")), (1e3, _("%(number)s K"))):
        if number >= size:
            return words % {"number": rounded(number / size, 3)}
    return str(number)


def written(value: Any) -> str:
    """A value of a setting: a fraction as the reader writes it, anything else as it is."""
    return number_format(value) if isinstance(value, float) else str(value)


def retold(text: str) -> str:
    """What a trainer wrote in English, where it is nothing but a number; anything else as it is."""
    if not IN_ENGLISH.fullmatch(text):
        return text
    return text.translate(str.maketrans({",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR")}))
