"""A dataset file as a stream of raw rows, whatever its type. No more than a row or a small batch is in memory."""

import codecs
import csv
import json
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from itertools import count, islice
from pathlib import Path
from typing import Any, Literal

Row = dict[str, Any]

MEGABYTE = 2**20
MAX_ROW = 16 * MEGABYTE  # some four million tokens: longer than any context, shorter than what hurts
BATCH = 256


class Unreadable(Exception):
    """The file cannot be read, or not any further. The message follows on the file's name: “is empty”."""


class BadRow(Exception):
    """One row cannot be used. The message follows on its number and a colon: “it is not JSON”."""


NumberedRow = tuple[int, Row | BadRow]


class FileType(StrEnum):
    """How rows are written down. The value is the file's extension too."""

    JSONL = "jsonl"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"

    @property
    def label(self) -> str:
        return "Parquet" if self is FileType.PARQUET else self.value.upper()

    @property
    def unit(self) -> Literal["line", "row"]:
        """What rows are counted in when one of them is named."""
        return "line" if self in (FileType.JSONL, FileType.CSV) else "row"


FOREIGN = {
    b"\x1f\x8b": "is packed with gzip: unpack it first",
    b"\x28\xb5\x2f\xfd": "is packed with Zstandard: unpack it first",
    b"PK\x03\x04": "is a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"%PDF": "is a PDF: a dataset is JSONL, JSON, CSV or Parquet",
    b"ARROW1": "is an Arrow file: save it as Parquet",
    codecs.BOM_UTF32_LE: "is UTF-32 text: save it as UTF-8",  # before UTF-16, whose mark begins alike
    codecs.BOM_UTF32_BE: "is UTF-32 text: save it as UTF-8",
    codecs.BOM_UTF16_LE: "is UTF-16 text: save it as UTF-8",
    codecs.BOM_UTF16_BE: "is UTF-16 text: save it as UTF-8",
}


def file_type_of(path: Path, name: str = "") -> FileType:
    """Decided by what the file holds; its extension (that of `name`, where given) settles the rest."""
    if path.exists() and not path.is_file():  # a pipe would be waited for without end
        raise Unreadable("is a folder, a device or a pipe: a dataset is a file")
    extension = Path(name or path).suffix.lower()
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PAR1"):
        return FileType.PARQUET
    refuse_foreign(head)
    if extension in (".parquet", ".pq"):
        raise Unreadable("is not Parquet: such a file begins with “PAR1”")
    return text_type_of(path, head.removeprefix(codecs.BOM_UTF8).lstrip()[:1], extension)


def refuse_foreign(head: bytes) -> None:
    for magic, what in FOREIGN.items():
        if head.startswith(magic):
            raise Unreadable(what)
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise Unreadable("is empty")


def text_type_of(path: Path, first: bytes, extension: str) -> FileType:
    if extension in (".csv", ".tsv"):
        return FileType.CSV
    if first == b"[":
        return FileType.JSON
    if first == b"{":
        if extension == ".json":
            refuse_one_object(path)
        return FileType.JSONL
    return {".json": FileType.JSON, ".jsonl": FileType.JSONL, ".ndjson": FileType.JSONL}.get(extension, FileType.CSV)


def refuse_one_object(path: Path) -> None:
    """JSONL under a .json name is welcome: its second line opens an object, as no line of a lone object does."""
    second = list(islice((text for _, text in lines(path) if text.strip()), 2))[1:]
    if not (second and second[0].lstrip().startswith("{")):
        refuse_description(path)
        raise Unreadable(
            "holds one JSON object, not a list of rows: put the rows between “[” and “]”, or one on each line"
        )


def refuse_description(path: Path) -> None:
    """LLaMA-Factory's dataset_info.json names files, and their columns."""
    with path.open("rb") as file:
        head = file.read(MEGABYTE)
    if any(name in head for name in (b'"file_name"', b'"hf_hub_url"', b'"ms_hub_url"')):
        raise Unreadable(
            "describes datasets and is none: bring in the file that it names, and say which column is which"
        )


def numbered_rows(path: Path, file_type: FileType, columns: list[str] | None = None) -> Iterator[NumberedRow]:
    """Each row with its line or row number, as a dict or as the reason why it is none.

    `columns` is what the caller needs; Parquet reads no others. Raises Unreadable.
    """
    if file_type is FileType.PARQUET:
        return parquet_rows(path, columns)
    if file_type is FileType.JSON:
        from training_methods.trainers.json_files import json_rows  # which stands on this module

        return json_rows(path)
    return jsonl_rows(path) if file_type is FileType.JSONL else csv_rows(path)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines, ends included, without a byte order mark."""
    with path.open("rb") as file:
        for number in count(1):
            line = file.readline(MAX_ROW + 1)
            if not line:
                return
            if len(line) > MAX_ROW:
                raise Unreadable(f"has a line {number} of more than {MAX_ROW // MEGABYTE} MB")
            yield number, decoded(line.removeprefix(codecs.BOM_UTF8) if number == 1 else line, number)


def decoded(line: bytes, number: int) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(line[error.start], number, error.start + 1) from None
    if "\0" in text:
        raise Unreadable(f"is not text: line {number} holds a NUL byte")
    return text


def not_utf8(byte: int, line: int, position: int) -> Unreadable:
    return Unreadable(f"is not UTF-8: in line {line}, byte {position} is 0x{byte:02X}. Save it as UTF-8")


def jsonl_rows(path: Path) -> Iterator[NumberedRow]:
    first = True
    for number, line in lines(path):
        if first and line.strip() == "{":
            raise Unreadable(
                "spreads its objects over several lines: put each on one line, or all between “[” and “]” with commas"
            )
        if not line.isspace():
            yield number, parsed(line.rstrip("\r\n"))
            first = False


def parsed(line: str) -> Row | BadRow:
    try:
        return as_row(DECODER.decode(line))
    except json.JSONDecodeError as error:
        return BadRow(f"it is not JSON: {json_reason(error)} at column {error.colno}")
    except (ValueError, RecursionError) as error:
        return BadRow(json_reason(error))


def unique(pairs: list[tuple[str, Any]]) -> Row:
    """An object that says nothing twice. Raises ValueError: the last would win without a word."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"“{next(name for name in names if names.count(name) > 1)}” stands twice in an object")
    return row


DECODER = json.JSONDecoder(object_pairs_hook=unique)


def json_reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply to be read"
    if not isinstance(error, json.JSONDecodeError):
        return str(error)
    if error.msg == "Extra data":
        return "more text follows behind the object"
    return error.msg.removesuffix(" at")


def as_row(value: object) -> Row | BadRow:
    return value if isinstance(value, dict) else BadRow(f"it is {kind_of(value)} where an object is needed")


def kind_of(value: object) -> str:
    """A value in JSON's words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return "text" if isinstance(value, str) else f"a {type(value).__name__}"


def csv_rows(path: Path) -> Iterator[NumberedRow]:
    csv.field_size_limit(MAX_ROW)
    first = next((text for _, text in lines(path) if text.strip("\r\n")), "")
    reader = csv.reader((text for _, text in lines(path)), delimiter=delimiter_of(first), strict=True)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not header:
                raise Unreadable(f"has a broken header: {csv_reason(error)}") from None
            yield number, BadRow(csv_reason(error))
            continue
        if not header:
            header = names_of(fields)
        elif fields:
            yield number, named(fields, header)


def delimiter_of(header: str) -> str:
    line = header.replace("\r", "")
    return max(",;\t", key=lambda delimiter: len(next(csv.reader([line], delimiter=delimiter), [])))


CSV_MISTAKES = {
    "unexpected end of data": "it opens a quotation mark that is never closed",
    "field larger than field limit": f"it has a field of more than {MAX_ROW // MEGABYTE} MB: "
    "is a closing quotation mark missing?",
    "new-line character seen in unquoted field": "it holds a carriage return outside quotation marks",
}


def csv_reason(error: csv.Error) -> str:
    known = (reason for start, reason in CSV_MISTAKES.items() if str(error).startswith(start))
    return next(known, f"it is not CSV: {error}")


def names_of(header: list[str]) -> list[str]:
    """The columns' names; one without (an index that a library wrote) goes by its place."""
    names = [name.strip() or f"column {place}" for place, name in enumerate(header, 1)]
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise Unreadable(f"names the column “{twice}” twice in its header")
    return names


def named(fields: list[str], header: list[str]) -> Row | BadRow:
    if len(fields) != len(header):
        found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
        return BadRow(f"it has {found} where the header has {len(header)}")
    return dict(zip(header, fields, strict=True))


def parquet_rows(path: Path, columns: list[str] | None) -> Iterator[NumberedRow]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    refuse_cut_short(path)
    try:
        # Buffered reading keeps a row group of a gigabyte out of memory.
        with ParquetFile(path, buffer_size=MEGABYTE, pre_buffer=False) as file:
            batches = file.iter_batches(BATCH, columns=columns, use_threads=False)
            yield from enumerate((row for batch in batches for row in batch.to_pylist()), 1)
    except MemoryError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise Unreadable(f"is not Parquet that can be read: {str(error).partition(chr(10))[0]}") from None


def refuse_cut_short(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4))
        if file.read() != b"PAR1":
            raise Unreadable("is cut short: a Parquet file ends with “PAR1”")
