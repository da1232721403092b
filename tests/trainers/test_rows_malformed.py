"""More than twenty broken files of every format: each is refused with the line or row, and with the reason."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from training_methods.trainers import tiny
from training_methods.trainers.rows import DataFormat
from training_methods.trainers.survey import Request, survey


def good_rows(data_format):
    needed = [column.name for column in data_format.columns if not column.optional]
    return [{name: row[name] for name in needed} for row in tiny.rows(data_format, 4)]


def refusal(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return survey(Request(path=path)).model_dump(mode="json")["refusal"]


def in_lines(rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


BROKEN_LINES = {
    "cut": (lambda line: line[: len(line) // 2].rstrip(' {[,"') + ' "', "it is not JSON"),
    "comma behind": (lambda line: line + ",", "it is not JSON: more text follows behind the object"),
    "comma within": (lambda line: line[:-1] + ",}", "it is not JSON"),
    "two on one": (lambda line: f"{line} {line}", "it is not JSON: more text follows behind the object"),
    "python": (lambda line: str(json.loads(line)), "it is not JSON: Expecting property name"),
    "comment": (lambda line: "// " + line, "it is not JSON: Expecting value at column 1"),
    "list": (lambda line: f"[{line}]", "it is a list where an object is needed"),
    "number": (lambda line: "3", "it is the number 3 where an object is needed"),
    "text": (lambda line: '"words"', "it is text where an object is needed"),
    "null": (lambda line: "null", "it is null where an object is needed"),
    "twice": (lambda line: line[:-1] + "," + line[1:], "stands twice in an object"),
    "deep": (lambda line: '{"a": ' + "[" * 50_000 + "]" * 50_000 + "}", "it is nested too deeply to be read"),
    "empty object": (lambda line: "{}", "it has other columns than the first row"),
}
EMPTY, WHERE = "is empty", "is needed"
BROKEN_VALUES = {
    "null": (None, (EMPTY, WHERE)),
    "nothing": ("", (EMPTY,)),
    "blank": (" \n", (EMPTY,)),
    "number": (4.5, (WHERE,)),
    "infinite": (float("inf"), (WHERE,)),
    "no number": (float("nan"), (WHERE,)),
    "empty list": ([], (EMPTY, WHERE)),
    "list": ([1], ("stands where a role", WHERE)),
    "object": ({"a": 1}, ("“role” is empty", WHERE)),
    "half a character": ("\ud83d", ("half a character", WHERE)),
    "NUL": ("a\0b", ("NUL", WHERE)),
}


@pytest.mark.parametrize("data_format", DataFormat)
@pytest.mark.parametrize("name", BROKEN_LINES)
def test_it_names_a_broken_line_and_says_why(tmp_path, data_format, name):
    damage, reason = BROKEN_LINES[name]
    rows = good_rows(data_format)

    sentence = refusal(tmp_path, "rows.jsonl", in_lines([*rows[:2], damage(json.dumps(rows[2])), rows[3]]))

    assert sentence.startswith("has a bad line 3: ")
    assert reason in sentence


@pytest.mark.parametrize("data_format", DataFormat)
@pytest.mark.parametrize("name", BROKEN_VALUES)
@pytest.mark.parametrize("file_type", ["jsonl", "json"])
def test_it_names_a_row_with_a_broken_value_and_says_why(tmp_path, data_format, name, file_type):
    value, reasons = BROKEN_VALUES[name]
    rows = good_rows(data_format)
    rows[2] = {**rows[2], list(rows[2])[-1]: value}

    sentence = refusal(tmp_path, f"rows.{file_type}", in_lines(rows) if file_type == "jsonl" else json.dumps(rows))

    assert sentence.startswith({"jsonl": "has a bad line 3: ", "json": "has a bad row 3: "}[file_type])
    assert any(reason in sentence for reason in reasons)


@pytest.mark.parametrize("data_format", DataFormat)
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda text: text[:-1] + ",]", "has a broken row 5: no row follows the last comma"),
        (lambda text: text[:-12], "has a broken row 4: the file ends in the middle of it"),
        (lambda text: text + "[]", "has a broken row 5: the list ends before it, and more text follows"),
        (lambda text: text[:-1] + " 1]", "has a broken row 5: a comma is missing before it"),
        (lambda text: '{"data": ' + text + "}", "holds one JSON object, not a list of rows"),
        (
            lambda text: json.dumps(["a", "b"]),
            "has 2 bad rows, the first in row 1: it is text where an object is needed",
        ),
        (lambda text: text.replace('"', "'"), "has a broken row 1: it is not JSON: Expecting property name"),
        (lambda text: text.encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
    ],
    ids=["comma", "cut", "more", "no comma", "wrapped", "texts", "quotes", "utf-16"],
)
def test_it_says_where_a_list_of_rows_breaks(tmp_path, data_format, damage, sentence):
    text = json.dumps(good_rows(data_format))

    assert sentence in refusal(tmp_path, "rows.json", damage(text))


@pytest.mark.parametrize("data_format", DataFormat)
def test_it_names_a_row_of_parquet_without_its_value(tmp_path, data_format):
    rows = good_rows(data_format)
    rows[2] = {**rows[2], list(rows[2])[-1]: None}
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")

    sentence = survey(Request(path=tmp_path / "rows.parquet")).refusal

    assert sentence.startswith("has a bad row 3: ")
    assert "is empty" in sentence or "is needed" in sentence
