"""What a dataset file holds: its type, columns, format, first rows, and every row that cannot be used.

`python -m training_methods.trainers.survey` answers one request from stdin in a process of limited memory,
so that a file made to fill the memory (a megabyte of Parquet can unfold to gigabytes) takes down nobody else.
"""

import sys
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from training_methods.trainers import unread_rows as unread
from training_methods.trainers.row_files import BadRow, FileType, Row, Unreadable, file_type_of, numbered_rows
from training_methods.trainers.row_values import printable
from training_methods.trainers.rows import FORMATS, DataFormat, Mapping, canonical, detect_format, match

PREVIEW_ROWS = 5
PROBLEMS_KEPT = 20
MOST_COLUMNS = 1000
SHOWN = 2000  # characters of a value in a preview
MEMORY = 2 * 2**30


class Request(BaseModel):
    path: Path
    name: str = Field("", description="The file's name where it came from; its extension is a hint")
    data_format: DataFormat | None = Field(None, description="None: to be detected")
    mapping: Mapping = Field(default_factory=dict, description="Columns already decided on")
    whole: bool = Field(default=True, description="False: the first rows only")


class Problem(BaseModel):
    number: int = Field(description="The line or row, from 1")
    reason: str


class Survey(BaseModel):
    """`refusal` follows on the file's name (“is empty”); where it is empty, the file can be used as described."""

    refusal: str = ""
    file_type: FileType | None = None
    columns: list[str] = Field(default_factory=list)
    first_rows: list[dict[str, str]] = Field(default_factory=list, description="As they are in the file, cut short")
    data_format: DataFormat | None = None
    mapping: Mapping = Field(default_factory=dict)
    row_count: int = 0
    preview: list[Row] = Field(default_factory=list, description="As a trainer sees them, long texts cut short")
    problems: list[Problem] = Field(default_factory=list)
    problem_count: int = 0

    @property
    def lacks_format(self) -> bool:
        """The rows can be read, and nobody knows yet what they are."""
        return bool(self.columns) and self.data_format is None

    def add_problem(self, number: int, reason: object) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(Problem(number=number, reason=printable(str(reason))))

    def refuse_problems(self) -> None:
        if not self.problems:
            return
        assert self.file_type is not None
        first = f"{self.file_type.unit} {self.problems[0].number}: {self.problems[0].reason}"
        many = self.problem_count > 1
        self.refusal = f"has {self.problem_count} bad rows, the first in {first}" if many else f"has a bad {first}"


def survey(request: Request) -> Survey:
    found = Survey()
    try:
        found.file_type = file_type_of(request.path, request.name)
        look(request, found)
        if request.whole and not found.refusal:
            read_through(request, found)
    except (Unreadable, OSError) as error:
        found.refusal = str(error)
    except MemoryError:
        found.refusal = f"needs more than {MEMORY // 2**30} GB of memory to be read"
    return found


def look(request: Request, found: Survey) -> None:
    """The columns and the format, from the first rows that can be read."""
    rows = first_rows(request, found)
    if not rows:
        found.refusal = "has a header but no rows" if found.file_type is FileType.CSV else "has no rows"
        found.refuse_problems()
        return
    found.problems, found.problem_count = [], 0  # counted again with the rest
    found.columns = checked_names(list(rows[0]))
    found.first_rows = [{name: shown(value) for name, value in row.items()} for row in rows]
    for row in rows:
        unread.refuse(row)
    settle_format(request, found, rows)


def first_rows(request: Request, found: Survey) -> list[Row]:
    """As many as a preview has. Where none can be read, every one was looked at, and is counted as a problem."""
    assert found.file_type is not None
    rows: list[Row] = []
    for number, row in islice(numbered_rows(request.path, found.file_type), None if request.whole else PROBLEMS_KEPT):
        if isinstance(row, BadRow):
            found.add_problem(number, row)
        else:
            rows.append(row)
        if len(rows) == PREVIEW_ROWS or (rows and number > PROBLEMS_KEPT):
            break
    return rows


def checked_names(columns: list[str]) -> list[str]:
    if len(columns) > MOST_COLUMNS:
        raise Unreadable(f"has {len(columns)} columns, more than the {MOST_COLUMNS} that make sense")
    for name in columns:
        if len(name) > 200 or not name.replace("\0", "\ud800").isprintable():
            raise Unreadable(f"has a column with an unusable name: “{printable(name[:40])}”")
    return columns


def settle_format(request: Request, found: Survey, rows: list[Row]) -> None:
    absent = [column for column in request.mapping.values() if column not in found.columns]
    if absent:
        found.refusal = f"has no column “{absent[0]}”: its columns are {quoted(found.columns)}"
    elif request.data_format is None:
        detect(request, found, rows)
    else:
        match_given(request, found, request.data_format)


def detect(request: Request, found: Survey, rows: list[Row]) -> None:
    detected = detect_format(found.columns, rows, request.mapping)
    if detected:
        found.data_format, found.mapping = detected
    else:
        known = (why for name, why in unread.COLUMNS.items() if name in found.columns)
        nothing = f"has no columns to train on: it has {quoted(found.columns)}, and needs one of these: {needed()}"
        found.refusal = next(known, nothing)


def needed() -> str:
    """The columns of every format: “messages”; “instruction” + “output”; …"""
    return "; ".join(
        " + ".join(f"“{column.name}”" for column in option.columns if not column.optional)
        for option in FORMATS.values()
    )


def match_given(request: Request, found: Survey, data_format: DataFormat) -> None:
    names = [column.name for column in data_format.columns]
    strangers = [name for name in request.mapping if name not in names]
    mapping = match(data_format, found.columns, request.mapping)
    if strangers:
        found.refusal = f"cannot be read so: the format “{data_format}” has no “{strangers[0]}”, only {quoted(names)}"
    elif mapping is None:
        found.refusal = f"does not fit the format “{data_format}”: it has {quoted(found.columns)}, not {quoted(names)}"
    else:
        found.data_format, found.mapping = data_format, mapping


def read_through(request: Request, found: Survey) -> None:
    """Every row, read as a trainer will read it."""
    assert found.file_type is not None and found.data_format is not None
    for number, row in numbered_rows(request.path, found.file_type, found.data_format.needed(found.mapping)):
        found.row_count += 1
        if isinstance(row, dict):
            unread.refuse(row)
        try:
            seen = canonical(complete(row, found), found.data_format, found.mapping)
        except BadRow as bad:
            found.add_problem(number, bad)
        else:
            if len(found.preview) < PREVIEW_ROWS:
                found.preview.append({name: cut(value) for name, value in seen.items()})
    found.refuse_problems()


def complete(row: Row | BadRow, found: Survey) -> Row:
    """The row, if it has the columns that the first one has. A format's optional column may come and go."""
    if isinstance(row, BadRow):
        raise row
    if found.file_type is FileType.PARQUET or row.keys() == set(found.columns):
        return row
    adopt_optional(row, found)
    extra = [name for name in row if name not in found.columns]
    optional = {found.mapping.get(column.name) for column in optional_columns(found)}
    missing = [name for name in found.columns if name not in row and name not in optional]
    if extra or missing:
        lacks, adds = f"it lacks {quoted(missing)}", f"it adds {quoted(extra)}"
        differences = "; ".join([lacks] * bool(missing) + [adds] * bool(extra))
        raise BadRow(f"it has other columns than the first row: {differences}")
    return row


def adopt_optional(row: Row, found: Survey) -> None:
    """An optional column that the first row lacks counts from where it turns up."""
    for column in optional_columns(found):
        name = column.found_in(set(row) - set(found.columns))
        if name and column.name not in found.mapping:
            found.mapping[column.name] = name
            found.columns.append(name)


def optional_columns(found: Survey) -> list[Any]:
    assert found.data_format is not None
    return [column for column in found.data_format.columns if column.optional]


def quoted(names: list[str]) -> str:
    more = f", … (+{len(names) - 10})" if len(names) > 10 else ""
    return ", ".join(f"“{printable(name[:60])}”" for name in names[:10]) + more


def shown(value: object) -> str:
    return printable(cut("" if value is None else value if isinstance(value, str) else repr(value)))


def cut(value: Any) -> Any:
    """A value of a row with its texts and lists cut to what a page can show."""
    if isinstance(value, str):
        return value if len(value) <= SHOWN else value[:SHOWN] + "…"
    if isinstance(value, list):
        return [cut(entry) for entry in value[:20]]
    return {name: cut(entry) for name, entry in value.items()} if isinstance(value, dict) else value


def limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def main() -> None:
    limit_memory()
    request = Request.model_validate_json(sys.stdin.read())
    sys.stdout.write(survey(request).model_dump_json())


if __name__ == "__main__":
    main()
