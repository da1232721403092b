"""Files larger than anyone's memory are read as a stream."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from training_methods.trainers.row_files import MAX_ROW
from training_methods.trainers.rows import DataFormat, read_rows
from training_methods.trainers.survey import Request, survey

MEGABYTE = 2**20
ROW = "x" * 20_000
COUNT = 200 * MEGABYTE // len(ROW)


@pytest.fixture(params=["rows.jsonl", "rows.json", "rows.csv"])
def large_file(request, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / request.param
    row = {".jsonl": f'{{"text": "{ROW}"}}\n', ".json": f'{{"text": "{ROW}"}},\n', ".csv": ROW + "\n"}[path.suffix]
    with path.open("w") as file:
        file.write({".jsonl": "", ".json": "[", ".csv": "text\n"}[path.suffix])
        for _ in range(COUNT - 1):
            file.write(row)
        file.write(row.replace(",\n", "]"))
    yield path
    path.unlink()


def test_it_reads_200_megabytes_in_a_few(large_file):
    tracemalloc.start()
    try:
        count = sum(1 for _ in read_rows(large_file, DataFormat.TEXT, {}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == COUNT
    assert peak < 8 * MEGABYTE


@pytest.mark.parametrize(
    ("name", "start", "end", "refusal"),
    [
        ("row.jsonl", '{"text": "a"}\n{"text": "', '"}\n', "has a line 2 of more than 16 MB"),
        ("row.json", '[{"text": "a"}, {"text": "', '"}]', "has a row 2 of more than 16 MB"),
        ("row.csv", 'text\na\n"', '"\n', "has a line 3 of more than 16 MB"),
        ("quote.csv", 'text\na\n"', "", "has a bad line 3: it has a field of more than 16 MB: "
         "is a closing quotation mark missing?"),
    ],
)  # fmt: skip
def test_it_refuses_a_row_that_would_fill_the_memory(tmp_path, name, start, end, refusal):
    path = tmp_path / name
    line = "x" * 1023 + ("\n" if name == "quote.csv" else "x")
    filling = line * (17 * MEGABYTE // len(line))
    path.write_text(start + filling + end)

    assert survey(Request(path=path)).refusal == refusal


def test_it_refuses_a_row_of_parquet_that_would_fill_the_memory(tmp_path):
    path = tmp_path / "row.parquet"
    parquet.write_table(pyarrow.table({"text": ["a", "x" * (MAX_ROW + 1)]}), path)

    assert survey(Request(path=path)).refusal == "has a bad row 2: “text” is longer than 16 million characters"
