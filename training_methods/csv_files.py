"""Tables as CSV, row by row, for programs and spreadsheets alike."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Echo:
    """What a CSV writer writes to, to have each line back."""

    def write(self, line: str) -> str:
        return line


def lines(header: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer: Any = csv.writer(Echo())
    yield writer.writerow([plain(label) for label in header])
    for row in rows:
        yield writer.writerow([plain(value) for value in row])


def plain(value: object) -> object:
    """Numbers as they are; a text that a spreadsheet would compute as a formula gets an apostrophe in front."""
    if value is None or isinstance(value, int | float):
        return value
    text = value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(BEGINS_A_FORMULA) else text
