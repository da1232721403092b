"""Reading a configuration that a person typed as JSON, and showing its values back."""

import json
from collections import Counter
from typing import Any, NoReturn

LONGEST = 65_536


class BadJSON(Exception):
    """Text that is no JSON, said in a sentence."""


def parse(text: str) -> Any:
    """The JSON value. Stricter than `json.loads`, which takes NaN and keeps the last of two equal names."""
    if len(text) > LONGEST:
        raise BadJSON(f"The configuration has {len(text):,} characters; it takes at most {LONGEST:,}.")
    try:
        return json.loads(text, object_pairs_hook=object_of, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise BadJSON(f"Line {error.lineno}, column {error.colno}: this is not JSON ({error.msg}).") from None
    except RecursionError:
        raise BadJSON("The configuration is nested too deeply.") from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        raise BadJSON("The configuration holds a number with too many digits.") from None


def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    name, times = Counter(name for name, _ in pairs).most_common(1)[0] if pairs else ("", 0)
    if times > 1:
        raise BadJSON(f"The name {shown(name)} stands {times} times in one object.")
    return dict(pairs)


def refuse_constant(name: str) -> NoReturn:
    raise BadJSON(f"{name} is not a JSON value.")


def shown(value: object, length: int = 60) -> str:
    """A value as a sentence can name it: short, and whatever it is."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    text = value if isinstance(value, str) else json.dumps(value, default=str)[: length + 1]
    short = text if len(text) <= length else text[: length - 1] + "…"
    return f"“{short}”" if isinstance(value, str) else short
