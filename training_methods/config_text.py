"""Reading a configuration that a person typed as JSON, and showing its values back."""

import json
from collections import Counter
from typing import Any, NoReturn

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

LONGEST = 65_536


class BadJSON(Exception):
    """Text that is no JSON, said in a sentence."""


def parse(text: str) -> Any:
    """The JSON value. Stricter than `json.loads`, which takes NaN and keeps the last of two equal names."""
    if len(text) > LONGEST:
        sentence = _("The configuration has %(number)s characters; it takes at most %(most)s.")
        raise BadJSON(sentence % {"number": intcomma(len(text)), "most": intcomma(LONGEST)})
    try:
        return json.loads(text, object_pairs_hook=object_of, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        known = {"line": error.lineno, "column": error.colno, "why": error.msg}
        raise BadJSON(_("Line %(line)d, column %(column)d: this is not JSON (%(why)s).") % known) from None
    except RecursionError:
        raise BadJSON(_("The configuration is nested too deeply.")) from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        raise BadJSON(_("The configuration holds a number with too many digits.")) from None


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    name, times = Counter(name for name, _ in pairs).most_common(1)[0] if pairs else ("", 0)
    if times > 1:
        sentence = _("The name %(name)s stands %(times)d times in one object.")
        raise BadJSON(sentence % {"name": shown(name), "times": times})
    return dict(pairs)


def refuse_constant(name: str) -> NoReturn:
    raise BadJSON(_("%(name)s is not a JSON value.") % {"name": name})


def shown(value: object, length: int = 60) -> str:
    """A value as a sentence can name it: short, and whatever it is."""
    if isinstance(value, dict):
        return _("an object")
    if isinstance(value, list | tuple):
        return _("a list")
    text = value if isinstance(value, str) else json.dumps(value, default=str)[: length + 1]
    short = text if len(text) <= length else text[: length - 1] + "…"
    return f"“{short}”" if isinstance(value, str) else short
