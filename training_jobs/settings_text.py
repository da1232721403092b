"""A method's settings as JSON: all of them as text, and the text as what would have been typed into the fields."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from training_methods import sentences
from training_methods.config import suggestion
from training_methods.trainers.parameters import Parameter

PREFIX = "p-"


class NotSettings(Exception):
    """The message says what is wrong with the text as a whole, and where."""


def written(parameters: Iterable[Parameter], typed: Mapping[str, Any]) -> str:
    """What the fields hold. What cannot be read as the parameter's type stays as it was typed, to be put right."""
    values = {one.name: value_of(one, typed.get(one.name)) for one in parameters if not one.locked}
    return json.dumps(values, indent=2, ensure_ascii=False)


def value_of(parameter: Parameter, typed: Any) -> Any:
    if typed is None or (typed == "" and parameter.type != "string"):
        return None
    kinds: dict[str, Any] = {"integer": int, "number": float, "boolean": boolean, "string": str}
    try:
        return kinds[parameter.type](typed)
    except (TypeError, ValueError):
        return typed


def boolean(typed: Any) -> bool:
    if str(typed).lower() not in ("true", "on", "false", "off"):
        raise ValueError(typed)
    return str(typed).lower() in ("true", "on")


def unknown(name: str, names: list[str]) -> str:
    return " ".join(filter(None, (_("There is no such setting to change."), suggestion(name, names))))


def read(text: str, parameters: Iterable[Parameter]) -> tuple[dict[str, Any], dict[str, str]]:
    """The text as a form's data, what it leaves out at its default; and what is wrong, by name. Raises NotSettings."""
    given, known = parsed(text), {one.name: one for one in parameters if not one.locked}
    wrong = {name: unknown(name, list(known)) for name in given if name not in known}
    typed = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        if isinstance(value, dict | list):
            wrong[name] = _("A setting is a number, text, true, false or null.")
        typed[PREFIX + name] = as_typed(value, parameter)
    return typed, wrong


def parsed(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text, parse_int=whole_number)
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno, "problem": sentences.translated(error.msg)}
        raise NotSettings(_("This is not JSON: line %(line)s, column %(column)s: %(problem)s.") % where) from error
    except RecursionError as error:
        raise NotSettings(_("This is not JSON that can be read: it is nested too deeply.")) from error
    if not isinstance(given, dict):
        raise NotSettings(_("Settings are a JSON object: names in quotation marks, each with its value."))
    return given


def whole_number(digits: str) -> int | str:
    """Python reads no more than 4,300 digits: such a number stays as it was typed, for its setting to refuse."""
    try:
        return int(digits)
    except ValueError:
        return digits


def as_typed(value: Any, parameter: Parameter) -> Any:
    """As a browser sends it."""
    if value is None:
        return ""
    if parameter.type == "boolean" and not parameter.nullable:
        return value
    return value if isinstance(value, str) else str(value)
