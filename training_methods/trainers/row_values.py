"""What a row's values may be. Each function gives the value as a trainer sees it, or raises BadRow."""

import json
from typing import Any

from training_methods.trainers.row_files import MAX_ROW, MEGABYTE, BadRow, kind_of


def text(value: object, name: str) -> str:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise BadRow(f"“{name}” is empty")
    if not isinstance(value, str):
        raise BadRow(f"“{name}” is {kind_of(value)} where text is needed")
    if len(value) > MAX_ROW:
        raise BadRow(f"“{name}” is longer than {MAX_ROW // MEGABYTE} million characters")
    if "\0" in value:
        raise BadRow(f"“{name}” holds a NUL character")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRow(f"“{name}” holds half a character (a lone surrogate)")
    return value


def text_or_nothing(value: object, name: str) -> str:
    return "" if value in (None, "") else text(value, name)


def choices(value: object, name: str) -> str:
    """Text, where there is any; answers to choose from, a list, are read as a line each."""
    if not isinstance(value, list):
        return text_or_nothing(value, name)
    return "\n".join(f"- {text(choice, name)}" for choice in value)


GOOD = ("true", "1", "1.0", "good", "yes", "positive", "desirable")
BAD = ("false", "0", "0.0", "bad", "no", "negative", "undesirable")
LABELS = dict.fromkeys(GOOD, True) | dict.fromkeys(BAD, False)


def label(value: object, name: str) -> bool:
    if isinstance(value, str) and not value.strip():
        raise BadRow(f"“{name}” is empty")
    found = LABELS.get(str(value).strip().lower())
    if found is None:
        what = f"“{value[:40]}”" if isinstance(value, str) else kind_of(value)
        raise BadRow(f"“{name}” is {what} where true or false, 1 or 0, good or bad is needed")
    return found


def solution(value: object, name: str) -> str:
    """The right answer, where there is one; a number is read as its digits."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else text_or_nothing(value, name)


def plain(value: Any) -> Any:
    """A value that is passed on unread, as JSON could hold it."""
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    if isinstance(value, dict):
        return {printable(str(name)): plain(entry) for name, entry in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    return printable(str(value))


def printable(text: str) -> str:
    """The text without what neither UTF-8 nor a database can hold."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def filled(value: Any) -> Any:
    """Objects without their fields that are null: Parquet gives each the fields of all the others."""
    if isinstance(value, list):
        return [filled(entry) for entry in value]
    if isinstance(value, dict):
        return {name: filled(entry) for name, entry in value.items() if entry is not None}
    return value


def history(value: object, name: str) -> list[list[str]]:
    """Earlier rounds of an instruction, each what was asked and what was answered. JSON in a CSV cell is read too."""
    if isinstance(value, str) and value.strip():
        value = decoded(value, name)
    if value in (None, "", []):
        return []
    if not isinstance(value, list):
        raise BadRow(f"“{name}” is {kind_of(value)} where a list of rounds is needed")
    for place, entry in enumerate(value, 1):
        if not (isinstance(entry, list) and len(entry) == 2):
            raise BadRow(f"in round {place} of “{name}”, a question and its answer are needed")
    return [[text(words, name) for words in entry] for entry in value]


def tools(value: object, name: str) -> list[Any]:
    """The tools that a conversation's assistant may call, each an object. JSON in a text is read too."""
    if isinstance(value, str) and value.strip():
        value = decoded(value, name)
    if value in (None, "", []):
        return []
    if not (isinstance(value, list) and all(isinstance(tool, dict) for tool in value)):
        raise BadRow(f"“{name}” is no list of tools, each of them an object")
    for place, tool in enumerate(value, 1):
        function = tool.get("function", tool)
        if not (isinstance(function, dict) and function.get("name")):
            raise BadRow(f"in tool {place} of “{name}”, the name is missing")
    return filled(plain(value))


def decoded(cell: str, name: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise BadRow(f"“{name}” is not JSON: {error}") from None
