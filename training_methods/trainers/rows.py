"""What a row is: the formats, how a file's columns are told apart, and reading rows under a format's own names."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from training_methods.trainers.row_files import (
    MAX_ROW,
    MEGABYTE,
    BadRow,
    Row,
    Unreadable,
    file_type_of,
    kind_of,
    numbered_rows,
)

Mapping = dict[str, str]


class DataFormat(StrEnum):
    """What a row is. The value is its name in commands and records."""

    MESSAGES = "messages"
    PROMPT_COMPLETION = "prompt-completion"
    INSTRUCTION = "instruction"
    QUESTION_ANSWER = "question-answer"
    TEXT = "text"

    @property
    def label(self) -> str:
        return FORMATS[self].label

    @property
    def columns(self) -> tuple["Column", ...]:
        return FORMATS[self].columns


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


def turns(value: object, name: str) -> list[dict[str, str]]:
    """A conversation as [{"role", "content"}]; ShareGPT's from/value and JSON in a CSV cell are read too."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = decoded(value, name)
    if not isinstance(value, list):
        raise BadRow(f"“{name}” is {kind_of(value)} where a list of turns is needed")
    if not value:
        raise BadRow(f"“{name}” is empty")
    conversation = [turn(entry, place) for place, entry in enumerate(value, 1)]
    if all(entry["role"] != "assistant" for entry in conversation):
        raise BadRow(f"“{name}” has no turn of the assistant")
    return conversation


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


@dataclass(frozen=True)
class Column:
    """A column of a format. `read` gives the value a trainer sees, or raises BadRow."""

    name: str
    synonyms: tuple[str, ...] = ()
    read: Callable[[object, str], Any] = text

    @property
    def optional(self) -> bool:
        return self.read is text_or_nothing

    def found_in(self, columns: Iterable[str]) -> str | None:
        """What a file calls this column, its own name before any synonym."""
        by_name = {column.strip().lower(): column for column in reversed(list(columns))}
        return next((by_name[name] for name in (self.name, *self.synonyms) if name in by_name), None)


@dataclass(frozen=True)
class Format:
    label: str
    columns: tuple[Column, ...]


# In the order they are tried: instruction and output come before prompt and completion, which also answer to
# input and output; text is the last, since a file of pairs often carries it along.
FORMATS = {
    DataFormat.MESSAGES: Format(
        "Messages", (Column("messages", ("conversations", "conversation", "turns"), read=turns),)
    ),
    DataFormat.INSTRUCTION: Format(
        "Instruction, input, output",
        (
            Column("instruction"),
            Column("input", ("context",), read=text_or_nothing),
            Column("output", ("response",)),
        ),
    ),
    DataFormat.QUESTION_ANSWER: Format(
        "Question and answer", (Column("question", ("query",)), Column("answer", ("response",)))
    ),
    DataFormat.PROMPT_COMPLETION: Format(
        "Prompt and completion",
        (Column("prompt", ("input",)), Column("completion", ("response", "output", "answer", "target"))),
    ),
    DataFormat.TEXT: Format("Text", (Column("text", ("content", "document")),)),
}


def match(data_format: DataFormat, columns: list[str], given: Mapping | None = None) -> Mapping | None:
    """The format's columns → the file's, as far as `given` leaves them open. None: a needed one is not there."""
    given = given or {}
    wanted = {column.name: column for column in data_format.columns}
    if not given.keys() <= wanted.keys():
        return None
    free = [column for column in columns if column not in given.values()]
    found = {name: given.get(name) or column.found_in(free) for name, column in wanted.items()}
    if any(found[name] is None and not column.optional for name, column in wanted.items()):
        return None
    return {name: column for name, column in found.items() if column is not None}


def detect_format(
    columns: list[str], first_rows: Iterable[Row] = (), given: Mapping | None = None
) -> tuple[DataFormat, Mapping] | None:
    """The format whose columns are there, and where; among several the first that can read one of the rows."""
    fitting = [(option, found) for option in FORMATS if (found := match(option, columns, given)) is not None]
    rows = list(first_rows)
    reading = (choice for choice in fitting if any(is_readable(row, *choice) for row in rows))
    return next(reading, next(iter(fitting), None))


def is_readable(row: Row, data_format: DataFormat, mapping: Mapping) -> bool:
    try:
        canonical(row, data_format, mapping)
    except BadRow:
        return False
    return True


def canonical(row: Row, data_format: DataFormat, mapping: Mapping) -> Row:
    """The row as a trainer sees it: the format's columns alone, under their own names. Raises BadRow."""
    return {column.name: value_of(row, column, mapping.get(column.name, column.name)) for column in data_format.columns}


def value_of(row: Row, column: Column, name: str) -> Any:
    if name not in row and not column.optional:
        raise BadRow(f"it has no “{name}”")
    return column.read(row.get(name), name)


def read_rows(path: Path, data_format: DataFormat, mapping: Mapping) -> Iterator[Row]:
    """The rows as a trainer sees them, one at a time; columns that `mapping` leaves out go by their own names.

    Raises Unreadable, at a row that cannot be used too; an imported file has none.
    """
    file_type = file_type_of(path)
    columns = [mapping.get(column.name, column.name) for column in data_format.columns]
    for number, row in numbered_rows(path, file_type, columns):
        try:
            if isinstance(row, BadRow):
                raise row
            yield canonical(row, data_format, mapping)
        except BadRow as bad:
            raise Unreadable(f"has a bad {file_type.unit} {number}: {bad}") from bad
