"""What a row is: the formats, how a file's columns are told apart, and reading rows under a format's own names."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from training_methods.trainers import judged_rows, shown_rows
from training_methods.trainers.row_files import BadRow, Row, Unreadable, file_type_of, numbered_rows
from training_methods.trainers.row_values import (
    LABELS,
    choices,
    history,
    label,
    plain,
    solution,
    text,
    text_or_nothing,
    tools,
)
from training_methods.trainers.turns import dialogue, question, question_or_talk, reply

Mapping = dict[str, str]


class DataFormat(StrEnum):
    """What a row is. The value is its name in commands and records."""

    MESSAGES = "messages"
    PROMPT_COMPLETION = "prompt-completion"
    INSTRUCTION = "instruction"
    QUESTION_ANSWER = "question-answer"
    TEXT = "text"
    PREFERENCE = "preference"
    PAIRS = "pairs"
    LABELLED = "labelled"
    PROMPT = "prompt"

    @property
    def label(self) -> str:
        return FORMATS[self].label

    @property
    def columns(self) -> tuple["Column", ...]:
        return FORMATS[self].columns

    def needed(self, mapping: Mapping) -> list[str] | None:
        """The columns of a file that its rows are made of. None: all of them."""
        return (
            None if FORMATS[self].keeps_others else [mapping.get(column.name, column.name) for column in self.columns]
        )


SUPERVISED = (
    DataFormat.MESSAGES,
    DataFormat.PROMPT_COMPLETION,
    DataFormat.INSTRUCTION,
    DataFormat.QUESTION_ANSWER,
    DataFormat.TEXT,
)
"""Rows that show the answer to learn."""


JUDGED = (DataFormat.PREFERENCE, DataFormat.PAIRS, DataFormat.LABELLED)
"""Rows that say of an answer whether it is good."""


@dataclass(frozen=True)
class Column:
    """A column of a format. `read` gives the value a trainer sees, or raises BadRow."""

    name: str
    synonyms: tuple[str, ...] = ()
    read: Callable[[object, str], Any] = text

    @property
    def optional(self) -> bool:
        return self.read in (text_or_nothing, choices, solution, history, tools)

    def found_in(self, columns: Iterable[str]) -> str | None:
        """What a file calls this column, its own name before any synonym."""
        by_name = {column.strip().lower(): column for column in reversed(list(columns))}
        return next((by_name[name] for name in (self.name, *self.synonyms) if name in by_name), None)


def as_it_is(row: Row) -> Row:
    return row


@dataclass(frozen=True)
class Format:
    """`settle` brings the values of a row together, or raises BadRow.

    `answered` names a column that a file need not have where its prompts are whole conversations.
    """

    label: str
    columns: tuple[Column, ...]
    settle: Callable[[Row], Row] = as_it_is
    keeps_others: bool = False
    answered: str = ""


TALKS = ("messages", "conversations", "conversation")
TALKS_OR_HALVES = (*TALKS, "chosen", "completion")
"""Where KTO's conversations stand, with the answer that is judged or without it, as Axolotl has them."""
PROMPT = Column("prompt", ("question", "instruction", "query", *TALKS, "input"), read=question)
SYSTEM = Column("system", ("system_prompt",), read=text_or_nothing)
INPUT = Column("input", ("context",), read=text_or_nothing)
HISTORY = Column("history", read=history)
CHOSEN = Column("chosen", ("chosen_response", "preferred"), read=reply)
REJECTED = Column("rejected", ("rejected_response", "dispreferred"), read=reply)

# In the order they are tried where several can read as many of the first rows. What is judged comes before what only
# shows an answer; instruction and output before prompt and completion, which also answer to input and output; text
# nearly last, since a file of pairs often carries it along, and prompts alone after that.
FORMATS = {
    DataFormat.PREFERENCE: Format(
        "Preference", (PROMPT, SYSTEM, INPUT, CHOSEN, REJECTED, HISTORY), settle=judged_rows.preference
    ),
    DataFormat.PAIRS: Format("Chosen and rejected", (CHOSEN, REJECTED), settle=judged_rows.pair),
    DataFormat.LABELLED: Format(
        "Prompt, completion, label",
        (
            replace(PROMPT, synonyms=(*PROMPT.synonyms, *TALKS_OR_HALVES), read=question_or_talk),
            SYSTEM,
            INPUT,
            Column("completion", ("response", "output", "answer"), read=reply),
            Column("label", ("kto_tag",), read=label),
            HISTORY,
        ),
        settle=judged_rows.labelled,
        answered="completion",
    ),
    DataFormat.MESSAGES: Format(
        "Messages",
        (
            Column("messages", ("conversations", "conversation", "turns"), read=dialogue),
            SYSTEM,
            Column("tools", read=tools),
        ),
        settle=shown_rows.talk,
    ),
    DataFormat.INSTRUCTION: Format(
        "Instruction, input, output",
        (
            Column("instruction"),
            INPUT,
            Column("output", ("response", "revision")),
            SYSTEM,
            HISTORY,
        ),
        settle=shown_rows.lean,
    ),
    DataFormat.QUESTION_ANSWER: Format(
        "Question and answer",
        (
            Column("question", ("query",)),
            replace(INPUT, synonyms=("context", "article", "choices"), read=choices),
            Column("answer", ("response", "solution", "explanation")),
            SYSTEM,
        ),
        settle=shown_rows.answered,
    ),
    DataFormat.PROMPT_COMPLETION: Format(
        "Prompt and completion",
        (
            Column("prompt", ("input", "message_1", "article"), read=question),
            Column(
                "completion",
                ("response", "output", "answer", "target", "generation", "message_2", "summary"),
                read=reply,
            ),
            SYSTEM,
        ),
        settle=shown_rows.completed,
    ),
    DataFormat.TEXT: Format("Text", (Column("text", ("content", "document")),)),
    DataFormat.PROMPT: Format(
        "Prompt",
        (
            Column("prompt", ("problem",), read=question),
            SYSTEM,
            Column("answer", ("solution", "ground_truth", "reference_answer"), read=solution),
        ),
        settle=judged_rows.prompted,
        keeps_others=True,
    ),
}


def match(data_format: DataFormat, columns: list[str], given: Mapping | None = None) -> Mapping | None:
    """The format's columns → the file's, as far as `given` leaves them open. None: a needed one is not there."""
    given = given or {}
    if not given.keys() <= {column.name for column in data_format.columns}:
        return None
    found: Mapping = {}
    for column in data_format.columns:
        free = [name for name in columns if name not in {*given.values(), *found.values()}]
        name = given.get(column.name) or column.found_in(free)
        if name:
            found[column.name] = name
        elif not (column.optional or is_answered(data_format, column, found)):
            return None
    return found


def is_answered(data_format: DataFormat, column: Column, found: Mapping) -> bool:
    """Whether the file has no such column, and needs none since its prompts are conversations that hold it."""
    missing = FORMATS[data_format].answered == column.name and not found.get(column.name)
    return missing and found.get("prompt", "").strip().lower() in TALKS_OR_HALVES


def detect_format(
    columns: list[str], first_rows: Iterable[Row] = (), given: Mapping | None = None
) -> tuple[DataFormat, Mapping] | None:
    """The format whose columns are there, and where; among several the first that can read one of the rows at least.

    Rows with a prompt and more are never taken for prompts alone: bad completions would pass for columns to keep. Nor
    are rows that are judged taken for what only shows an answer: a judgement that cannot be read would be dropped.
    """
    fitting = [(option, found) for option in FORMATS if (found := match(option, columns, given)) is not None]
    fitting = [choice for choice in fitting if choice[0] != DataFormat.PROMPT] or fitting
    rows = list(first_rows)
    fitting = [choice for choice in fitting if is_judged(*choice, rows)] or fitting
    readable = (choice for choice in fitting if any(is_readable(row, *choice) for row in rows))
    return next(readable, fitting[0] if fitting else None)


def is_judged(data_format: DataFormat, mapping: Mapping, rows: list[Row]) -> bool:
    """A label that is a word of its own names a class, and judges nothing."""
    if data_format is not DataFormat.LABELLED:
        return data_format in JUDGED
    return any(not isinstance(label := row.get(mapping["label"]), str) or label.lower() in LABELS for row in rows)


def is_readable(row: Row, data_format: DataFormat, mapping: Mapping) -> bool:
    try:
        canonical(row, data_format, mapping)
    except BadRow:
        return False
    return True


def canonical(row: Row, data_format: DataFormat, mapping: Mapping) -> Row:
    """The row as a trainer sees it: the format's columns under their own names. Raises BadRow."""
    wanted = FORMATS[data_format]
    columns = [column for column in wanted.columns if not is_answered(data_format, column, mapping)]
    read = {column.name: value_of(row, column, mapping) for column in columns}
    if wanted.keeps_others:
        read = {name: plain(value) for name, value in row.items() if name not in mapping.values()} | read
    return wanted.settle(read)


def value_of(row: Row, column: Column, mapping: Mapping) -> Any:
    name = mapping.get(column.name, column.name)
    if column.optional and column.name not in mapping and name in mapping.values():
        return column.read(None, name)  # the file's column of that name stands for another one
    if name not in row and not column.optional:
        raise BadRow(f"it has no “{name}”")
    return column.read(row.get(name), name)


def read_rows(path: Path, data_format: DataFormat, mapping: Mapping) -> Iterator[Row]:
    """The rows as a trainer sees them, one at a time; columns that `mapping` leaves out go by their own names.

    Raises Unreadable, at a row that cannot be used too; an imported file has none.
    """
    file_type = file_type_of(path)
    for number, row in numbered_rows(path, file_type, data_format.needed(mapping)):
        try:
            if isinstance(row, BadRow):
                raise row
            yield canonical(row, data_format, mapping)
        except BadRow as bad:
            raise Unreadable(f"has a bad {file_type.unit} {number}: {bad}") from bad
