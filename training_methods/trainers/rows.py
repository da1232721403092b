"""Reading a dataset file row by row, whatever its type, under the column names of its format."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class DataFormat(StrEnum):
    """What a row is. The value is its name in commands and records."""

    MESSAGES = "messages"
    PROMPT_COMPLETION = "prompt-completion"
    INSTRUCTION = "instruction"
    QUESTION_ANSWER = "question-answer"
    TEXT = "text"


def read_rows(path: Path, data_format: DataFormat, mapping: dict[str, str]) -> Iterator[Row]:
    raise TypeError("written with the dataset import")
