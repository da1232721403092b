"""What a row's values may be. Each function gives the value as a trainer sees it, or raises BadRow."""

import json
from typing import Any

from training_methods.trainers.row_files import MAX_ROW, MEGABYTE, BadRow, kind_of

Turns = list[dict[str, str]]


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


ROLES = ("system", "user", "assistant", "tool")
SHAREGPT_ROLES = {"human": "user", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant"}


def turns(value: object, name: str) -> Turns:
    """A conversation as [{"role", "content"}]; ShareGPT's from/value and JSON in a CSV cell are read too."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = decoded(value, name)
    if not isinstance(value, list):
        raise BadRow(f"“{name}” is {kind_of(value)} where a list of turns is needed")
    if not value:
        raise BadRow(f"“{name}” is empty")
    return [turn(entry, place) for place, entry in enumerate(value, 1)]


def dialogue(value: object, name: str) -> Turns:
    """A conversation with something to learn in it."""
    conversation = turns(value, name)
    if all(entry["role"] != "assistant" for entry in conversation):
        raise BadRow(f"“{name}” has no turn of the assistant")
    return conversation


def question(value: object, name: str) -> str | Turns:
    """What is asked: text, or the turns up to the one that is to be answered."""
    if not is_conversation(value):
        return text(value, name)
    asked = turns(value, name)
    if asked[-1]["role"] == "assistant":
        raise BadRow(f"“{name}” ends with a turn of the assistant, who is still to answer")
    return asked


def reply(value: object, name: str) -> str | Turns:
    """What is answered: text, or turns that end with the assistant's. A single turn may stand without its list."""
    if isinstance(value, dict):
        value = [value]
    if not is_conversation(value):
        return text(value, name)
    said = turns(value, name)
    if said[-1]["role"] != "assistant":
        raise BadRow(f"“{name}” does not end with a turn of the assistant")
    return said


def is_conversation(value: object) -> bool:
    """Whether it is a list, or one as JSON in a text."""
    return isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith('[{"'))


LABELS = {"true": True, "1": True, "1.0": True, "good": True, "yes": True}
LABELS |= {"false": False, "0": False, "0.0": False, "bad": False, "no": False}


def label(value: object, name: str) -> bool:
    found = LABELS.get(str(value).strip().lower())
    if found is None:
        what = f"“{value[:40]}”" if isinstance(value, str) and value.strip() else kind_of(value)
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
        return {str(name): plain(entry) for name, entry in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def decoded(cell: str, name: str) -> object:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise BadRow(f"“{name}” is not JSON: {error}") from None


def turn(entry: object, place: int) -> dict[str, str]:
    try:
        return role_and_content(entry)
    except BadRow as bad:
        raise BadRow(f"in turn {place}, {bad}") from None


def role_and_content(entry: object) -> dict[str, str]:
    if not isinstance(entry, dict):
        raise BadRow(f"{kind_of(entry)} stands where a role and its content are needed")
    role = text(entry.get("role") or entry.get("from"), "role")
    role = SHAREGPT_ROLES.get(role, role)
    if role not in ROLES:
        raise BadRow(f"the role “{role}” is unknown: there are {', '.join(ROLES)}")
    content = entry.get("value") if entry.get("content") is None else entry["content"]
    read = text_or_nothing if role == "system" else text
    return {"role": role, "content": read(content, "content")}
