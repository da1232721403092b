"""Raw rows from files of each type, as they are and as they should not be."""

import csv
import io
import json
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from training_methods.trainers.row_files import BadRow, Unreadable, file_type_of, numbered_rows
from training_methods.trainers.rows import DataFormat, read_rows

ROWS = [{"prompt": "What?", "completion": "This."}, {"prompt": "Why?\nReally?", "completion": "“So”, she said."}]


def jsonl(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(rows: list[dict], delimiter: str = ",") -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def raw(path: Path) -> list[tuple[int, dict | str]]:
    rows = numbered_rows(path, file_type_of(path))
    return [(number, str(row) if isinstance(row, BadRow) else row) for number, row in rows]


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", jsonl(ROWS)),
        ("rows.json", json.dumps(ROWS, indent=2)),
        ("lines-under-a-json-name.json", jsonl(ROWS)),
        ("array-under-a-jsonl-name.jsonl", json.dumps(ROWS)),
        ("rows.csv", table(ROWS)),
        ("semicolons.csv", table(ROWS, ";")),
        ("tabs.tsv", table(ROWS, "\t")),
        ("no-extension", jsonl(ROWS)),
        ("byte-order-mark.jsonl", "\ufeff" + jsonl(ROWS)),
        ("byte-order-mark.json", "\ufeff" + json.dumps(ROWS)),
        ("byte-order-mark.csv", "\ufeff" + table(ROWS)),
        ("carriage-returns.jsonl", jsonl(ROWS).replace("\n", "\r\n")),
        ("blank-lines.jsonl", "\n" + jsonl(ROWS).replace("\n", "\n\n")),
        ("no-last-line-end.jsonl", jsonl(ROWS).rstrip()),
    ],
)
def test_it_reads_the_same_rows_from_text_of_each_type(write, name, content):
    path = write(name, content)

    assert list(read_rows(path, DataFormat.PROMPT_COMPLETION, {})) == ROWS


def test_it_reads_the_same_rows_from_parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)

    assert list(read_rows(path, DataFormat.PROMPT_COMPLETION, {})) == ROWS


def test_it_reads_nested_turns_from_parquet(tmp_path):
    messages = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]
    path = tmp_path / "turns.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([{"messages": messages, "id": 1}] * 300), path)

    assert list(read_rows(path, DataFormat.MESSAGES, {})) == [{"messages": messages}] * 300


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)


@settings(max_examples=50)
@given(rows=st.lists(st.fixed_dictionaries({"first": text, "second": text}), min_size=1, max_size=10))
@pytest.mark.parametrize(("name", "writer"), [("rows.csv", table), ("rows.jsonl", jsonl), ("rows.json", json.dumps)])
def test_it_reads_back_whatever_was_written(write, name, writer, rows):
    path = write(name, writer(rows))

    assert [row for _, row in raw(path)] == rows


@settings(max_examples=200)
@given(content=st.binary(max_size=200))
@pytest.mark.parametrize("name", ["any.csv", "any.jsonl", "any.json", "any.parquet", "any"])
def test_it_reads_any_bytes_or_says_why_not(write, name, content):
    path = write(name, content)

    try:
        assert all(isinstance(row, dict | str) for _, row in raw(path))
    except Unreadable as unreadable:
        assert str(unreadable)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.jsonl", "", "is empty"),
        ("blank.csv", "\ufeff\n\n", "is empty"),
        ("latin.csv", "text\nTee\nCafé".encode("latin-1"),
         "is not UTF-8: in line 3, byte 4 is 0xE9. Save it as UTF-8"),
        ("latin.jsonl", '{"text": "Café"}'.encode("latin-1"),
         "is not UTF-8: in line 1, byte 14 is 0xE9. Save it as UTF-8"),
        ("latin.json", '[{"text": "a"},\n{"text": "Café"}]'.encode("latin-1"),
         "is not UTF-8: in line 2, byte 14 is 0xE9. Save it as UTF-8"),
        ("utf16.csv", "text\nTea".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        ("utf32.csv", "text\nTea".encode("utf-32"), "is UTF-32 text: save it as UTF-8"),
        ("utf32.jsonl", b"\0\0\xfe\xff" + "{}".encode("utf-32-be"), "is UTF-32 text: save it as UTF-8"),
        ("nul.jsonl", b'{"text": "a"}\n{"text": "\0"}', "is not text: line 2 holds a NUL byte"),
        ("packed.csv", b"\x1f\x8b\x08\x00", "is packed with gzip: unpack it first"),
        ("sheet.csv", b"PK\x03\x04", "is a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV"),
        ("words.parquet", "words", "is not Parquet: such a file begins with “PAR1”"),
        ("cut.parquet", b"PAR1 and then nothing", "is cut short: a Parquet file ends with “PAR1”"),
        ("object.json", '{"rows": [{"text": "a"}]}',
         "holds one JSON object, not a list of rows: put the rows between “[” and “]”, or one on each line"),
        ("cut.json", '[{"text": "a"}, {"text": ', "has a broken row 2: the file ends in the middle of it"),
        ("broken.json", '[{"text": "a"}, {"text" "b"}]',
         "has a broken row 2: it is not JSON: Expecting ':' delimiter in line 1"),
        ("words.json", "words", "has a broken row 1: “[” is missing before it"),
        ("old-mac.csv", "text\ra\rb", "has a broken header: it holds a carriage return outside quotation marks"),
        ("twice.csv", "text,text\na,b", "names the column “text” twice in its header"),
    ],
)  # fmt: skip
def test_it_says_why_a_file_cannot_be_read(write, name, content, sentence):
    with pytest.raises(Unreadable) as unreadable:
        raw(write(name, content))

    assert str(unreadable.value) == sentence


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("broken.jsonl", '{"a": 1}\n{"a" 2}\n{"a": 3}', [
            (1, {"a": 1}), (2, "it is not JSON: Expecting ':' delimiter at column 6"), (3, {"a": 3})]),
        ("numbers.jsonl", "1\n[2]", [
            (1, "it is the number 1 where an object is needed"), (2, "it is a list where an object is needed")]),
        ("numbers.json", '[1, "two", null]', [
            (1, "it is the number 1 where an object is needed"), (2, "it is text where an object is needed"),
            (3, "it is null where an object is needed")]),
        ("ragged.csv", "a,b\n1\n1,2,3\n\n1,2", [
            (2, "it has 1 field where the header has 2"), (3, "it has 3 fields where the header has 2"),
            (5, {"a": "1", "b": "2"})]),
        ("quote.csv", 'a,b\n"one\nline",2\n"3,4', [
            (2, {"a": "one\nline", "b": "2"}), (4, "it opens a quotation mark that is never closed")]),
        ("index.csv", ",text\n0,a", [(2, {"column 1": "0", "text": "a"})]),
    ],
)  # fmt: skip
def test_it_numbers_each_row_and_says_what_is_wrong_with_it(write, name, content, rows):
    assert raw(write(name, content)) == rows


def test_it_names_the_bad_row_while_reading_for_a_training(write):
    path = write("rows.jsonl", '{"text": "a"}\n{"text": 1}\n')

    with pytest.raises(Unreadable, match="has a bad line 2: “text” is the number 1 where text is needed"):
        list(read_rows(path, DataFormat.TEXT, {}))
