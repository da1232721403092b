"""Bringing a dataset in, from a file on the machine that serves the console."""

import hashlib
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from training_jobs import datasets
from training_jobs.models import Dataset

pytestmark = pytest.mark.django_db

ROWS = [{"prompt": f"Question {n}", "completion": f"Answer {n}"} for n in range(12)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


@pytest.fixture
def file(data_dir: Path) -> Path:
    path = data_dir / "faq.jsonl"
    path.write_text(LINES)
    return path


def kept(data_dir: Path) -> list[str]:
    return sorted(path.name for path in (data_dir / "datasets").glob("*"))


def test_it_keeps_the_file_under_its_sha256(data_dir, file):
    dataset = datasets.import_file(file)

    sha256 = hashlib.sha256(LINES.encode()).hexdigest()
    assert kept(data_dir) == [f"{sha256}.jsonl"]
    assert Path(dataset.path).read_text() == LINES
    assert (dataset.sha256, dataset.size_bytes) == (sha256, len(LINES))


def test_it_records_what_it_found(file, expert):
    datasets.import_file(file, user=expert)

    dataset = Dataset.objects.get(name="faq")
    assert (dataset.data_format, dataset.file_type, dataset.row_count) == ("prompt-completion", "jsonl", 12)
    assert dataset.mapping == {"prompt": "prompt", "completion": "completion"}
    assert dataset.columns == ["prompt", "completion"]
    assert dataset.preview == ROWS[:5]
    assert dataset.original_name == "faq.jsonl"
    assert dataset.created_by == expert


def test_it_leaves_nothing_behind_when_it_refuses(data_dir, file):
    file.write_text(LINES.replace("Answer 6", ""))

    with pytest.raises(datasets.BadDataset) as bad:
        datasets.import_file(file)

    assert str(bad.value) == "faq.jsonl has a bad line 7: “completion” is empty."
    assert [(problem.number, problem.reason) for problem in bad.value.problems] == [(7, "“completion” is empty")]
    assert kept(data_dir) == []
    assert not Dataset.objects.exists()


def test_it_refuses_a_name_in_use_whatever_its_case(file):
    datasets.import_file(file)

    with pytest.raises(datasets.BadDataset, match="A dataset named “FAQ” exists already"):
        datasets.import_file(file, name="FAQ")


@pytest.mark.parametrize("name", ["x" * 101, "two\nlines", "nul\0"])
def test_it_refuses_a_name_that_cannot_be_one(file, name):
    with pytest.raises(datasets.BadDataset, match="cannot be a dataset's name"):
        datasets.import_file(file, name=name)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere.jsonl", "There is no file “{}”."),
        ("datasets", "“{}” is a folder: a dataset is one file."),
        ("/dev/null", "“{}” is a device or a pipe: a dataset is a file."),
    ],
)
def test_it_refuses_what_is_no_file(data_dir, path, sentence):
    (data_dir / "datasets").mkdir()

    with pytest.raises(datasets.BadDataset) as bad:
        datasets.import_file(data_dir / path)

    assert str(bad.value) == sentence.format(data_dir / path)


def test_it_survives_a_file_that_unfolds_to_more_than_the_memory(data_dir):
    unfolding = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 256), ["x" * 15_000_000])
    path = data_dir / "small.parquet"
    parquet.write_table(pyarrow.table({"text": unfolding}), path)

    with pytest.raises(datasets.BadDataset) as bad:
        datasets.import_file(path)

    assert path.stat().st_size < 2**20
    assert str(bad.value) == "small.parquet needs more than 2 GB of memory to be read."


def test_it_survives_a_file_nested_beyond_reason(data_dir):
    path = data_dir / "nested.json"
    path.write_text("[" * 100_000)

    with pytest.raises(datasets.BadDataset, match=r"a broken row 1: it is nested too deeply to be read."):
        datasets.import_file(path)


def test_it_stays_in_the_data_directory_whatever_the_file_was_called(data_dir, file):
    dataset = datasets.import_file(file, original_name="../../etc/cron.d/evil.jsonl")

    assert Path(dataset.path).parent == data_dir / "datasets"
    assert dataset.original_name == "evil.jsonl"


def test_it_deletes_the_file_with_the_last_dataset_that_has_it(data_dir, file):
    first, second = datasets.import_file(file, name="first"), datasets.import_file(file, name="second")

    datasets.delete(first)
    assert len(kept(data_dir)) == 1

    datasets.delete(second)
    assert kept(data_dir) == []
