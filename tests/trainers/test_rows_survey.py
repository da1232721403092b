"""A dataset file looked through as a whole: columns, format, every bad row."""

import json
import os
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from training_methods.trainers.rows import DataFormat
from training_methods.trainers.survey import Request, Survey, survey


@pytest.fixture
def look_through(tmp_path):
    def look_through(rows: list | str, name: str = "rows.jsonl", **request) -> Survey:
        path = tmp_path / name
        path.write_text(rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows))
        return survey(Request(path=path, **request))

    return look_through


def test_it_describes_a_file_that_can_be_used(look_through):
    found = look_through([{"Question": f"What is {n}?", "Answer": str(n)} for n in range(7)])

    assert found.refusal == ""
    assert (found.data_format, found.row_count) == (DataFormat.QUESTION_ANSWER, 7)
    assert found.columns == ["Question", "Answer"]
    assert found.mapping == {"question": "Question", "answer": "Answer"}
    assert found.preview == [{"question": f"What is {n}?", "answer": str(n)} for n in range(5)]


def test_it_names_the_columns_found_and_the_columns_needed(look_through):
    found = look_through([{"url": "a", "title": "b"}])

    assert found.refusal == (
        "has no columns to train on: it has “url”, “title”, and needs one of these: "
        "“prompt” + “chosen” + “rejected”; “chosen” + “rejected”; “prompt” + “completion” + “label”; “messages”; "
        "“instruction” + “output”; “question” + “answer”; “prompt” + “completion”; “text”; “prompt”"
    )
    assert found.columns == ["url", "title"]
    assert found.first_rows == [{"url": "a", "title": "b"}]


def test_it_names_the_line_where_the_columns_change(look_through):
    found = look_through([{"prompt": "a", "completion": "b"}, {"question": "c", "answer": "d"}])

    assert found.refusal == (
        "has a bad line 2: it has other columns than the first row: "
        "it lacks “prompt”, “completion”; it adds “question”, “answer”"
    )


def test_it_lets_an_optional_column_come_and_go(look_through):
    rows = [
        {"instruction": "Add", "output": "3"},
        {"instruction": "Add", "input": "1 + 2", "output": "3"},
        {"instruction": "Add", "output": "3"},
    ]

    found = look_through(rows)

    assert found.refusal == ""
    assert [row["input"] for row in found.preview] == ["", "1 + 2", ""]


def test_it_keeps_the_first_twenty_bad_rows_and_counts_them_all(look_through):
    found = look_through([{"text": "a"}, *[{"text": ""}] * 50])

    assert found.refusal == "has 50 bad rows, the first in line 2: “text” is empty"
    assert [problem.number for problem in found.problems] == list(range(2, 22))
    assert found.problem_count == 50


def test_it_names_bad_rows_where_no_row_is_good(look_through):
    found = look_through('{"a\n{"b\n')

    assert found.refusal.startswith("has 2 bad rows, the first in line 1: it is not JSON: Unterminated string")


def test_it_counts_every_row_where_no_row_is_good(look_through):
    found = look_through("no JSON\n" * 70)

    assert found.refusal.startswith("has 70 bad rows, the first in line 1: it is not JSON")
    assert found.problem_count == 70 and len(found.problems) == 20


def test_a_good_row_far_down_tells_the_columns(look_through):
    found = look_through("no JSON\n" * 70 + '{"text": "a"}\n')

    assert found.columns == ["text"]
    assert found.refusal.startswith("has 70 bad rows, the first in line 1: it is not JSON")


def test_it_does_not_wait_at_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "rows.jsonl")

    found = survey(Request(path=tmp_path / "rows.jsonl"))

    assert found.refusal == "is a folder, a device or a pipe: a dataset is a file"


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("header.csv", "prompt,completion\n", "has a header but no rows"),
        ("none.json", "[]", "has no rows"),
        ("wide.csv", ",".join(map(str, range(1001))) + "\n" + ",".join(map(str, range(1001))),
         "has 1001 columns, more than the 1000 that make sense"),
        ("odd.jsonl", '{"a\\u0000b": 1}', "has a column with an unusable name: “a�b”"),
    ],
)  # fmt: skip
def test_it_refuses_a_file_without_usable_rows(look_through, name, content, refusal):
    assert look_through(content, name).refusal == refusal


def test_it_takes_the_format_and_the_columns_it_is_told(look_through):
    rows = [{"prompt": "a", "completion": "b", "text": "c", "note": "d"}]

    found = look_through(rows, data_format=DataFormat.TEXT, mapping={"text": "note"})

    assert found.preview == [{"text": "d"}]


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        ({"mapping": {"text": "body"}}, "has no column “body”: its columns are “a”, “b”"),
        ({"data_format": "text"}, "does not fit the format “text”: it has “a”, “b”, not “text”"),
        ({"data_format": "text", "mapping": {"prompt": "a"}},
         "cannot be read so: the format “text” has no “prompt”, only “text”"),
    ],
)  # fmt: skip
def test_it_refuses_columns_that_are_not_there(look_through, request_, refusal):
    assert look_through([{"a": "1", "b": "2"}], **request_).refusal == refusal


def test_it_looks_at_the_first_rows_alone_when_asked(look_through):
    found = look_through([{"text": "a"}] * 9 + [{"text": ""}], whole=False)

    assert (found.refusal, found.row_count) == ("", 0)
    assert len(found.first_rows) == 5


def test_it_cuts_what_it_shows(look_through):
    found = look_through([{"text": "x" * 100_000}])

    assert len(found.preview[0]["text"]) == len(found.first_rows[0]["text"]) == 2001


def test_it_counts_rows_of_parquet(tmp_path: Path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.table({"text": ["a", None, "c"], "score": [1, 2, 3]}), path)

    found = survey(Request(path=path))

    assert found.refusal == "has a bad row 2: “text” is empty"
