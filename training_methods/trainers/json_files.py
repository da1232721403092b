"""The rows of a JSON array, a piece of the file at a time."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from training_methods.trainers.row_files import (
    DECODER,
    MAX_ROW,
    MEGABYTE,
    NumberedRow,
    Unreadable,
    as_row,
    json_reason,
    not_utf8,
)

PIECE = MEGABYTE // 16
SPACE = re.compile(r"[ \t\r\n]*")
LONGEST_TOKEN = 16  # characters that belong together, such as an escaped one


class JsonText:
    """Tells where the text is not UTF-8, and stops at a row that would fill the memory."""

    def __init__(self, file: BinaryIO) -> None:
        self.text = ""
        self.place = 0
        self.row = 1
        self.ended = False
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._line = 1
        self._lines_passed = 0

    def read_on(self) -> None:
        """Ever larger pieces, so that a long row is not gone through too often."""
        rest = self.text[self.place :]
        if len(rest) > MAX_ROW:
            raise too_long(self.row)
        piece = self._file.read(max(PIECE, len(rest)))
        self._lines_passed += self.text.count("\n", 0, self.place)
        self.text, self.place, self.ended = rest + self._decoded(piece), 0, not piece

    def _decoded(self, piece: bytes) -> str:
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            line = self._line + before.count(b"\n")
            raise not_utf8(error.object[error.start], line, error.start - before.rfind(b"\n")) from None
        self._line += piece.count(b"\n")
        return text

    def line_of(self, position: int) -> int:
        return self._lines_passed + self.text.count("\n", 0, position) + 1

    def peek(self) -> str:
        """The next character that is no space, or nothing at the end."""
        while True:
            space = SPACE.match(self.text, self.place)
            self.place = space.end() if space else self.place
            if self.place < len(self.text) or self.ended:
                return self.text[self.place : self.place + 1]
            self.read_on()

    def value(self) -> object:
        """The value that begins here. Raises ValueError, also where the file ends in the midst of it."""
        while True:
            try:
                value, place = DECODER.raw_decode(self.text, self.place)
            except json.JSONDecodeError as error:
                if self.ended or not self.may_go_on(error):
                    raise
            else:
                if place - self.place > MAX_ROW:
                    raise too_long(self.row)
                if place < len(self.text) or self.ended:  # a number may go on
                    self.place = place
                    return value
            self.read_on()

    def may_go_on(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - LONGEST_TOKEN


def too_long(row: int) -> Unreadable:
    return Unreadable(f"has a row {row} of more than {MAX_ROW // MEGABYTE} MB")


def json_rows(path: Path) -> Iterator[NumberedRow]:
    with path.open("rb") as file:
        source = JsonText(file)
        try:
            for value in values(source):
                yield source.row, as_row(value)
                source.row += 1
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"has a broken row {source.row}: {reason(error, source)}") from None


def values(source: JsonText) -> Iterator[object]:
    if source.peek() != "[":
        raise ValueError("“[” is missing before it")
    source.place += 1
    while source.peek() != "]":
        yield source.value()
        if source.peek() == ",":
            source.place += 1
            if source.peek() == "]":
                raise ValueError("no row follows the last comma")
        elif source.peek() not in ("]", ""):
            raise ValueError("a comma is missing before it")
    source.place += 1
    if source.peek():
        raise ValueError("the list ends before it, and more text follows")


def reason(error: Exception, source: JsonText) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return json_reason(error)
    if source.ended and (error.pos >= len(source.text.rstrip()) or error.msg.startswith("Unterminated string")):
        return "the file ends in the middle of it"
    return f"it is not JSON: {json_reason(error)} in line {source.line_of(error.pos)}"
