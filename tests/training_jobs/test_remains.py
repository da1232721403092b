"""What killed processes left in the data directory."""

import os
import time
from pathlib import Path

import pytest

from training_jobs import remains


@pytest.fixture
def left(data_dir) -> list[Path]:
    """An import's draft and the folder of a micro-run, a day old, and another draft of now."""
    (data_dir / "datasets").mkdir()
    old, new, folder = (
        data_dir / "datasets" / ".import-a",
        data_dir / "datasets" / ".import-b",
        data_dir / "rehearsal-a",
    )
    folder.mkdir()
    (folder / "train.log").write_text("step 1")
    for file in (old, new):
        file.write_text("rows")
    for path in (old, folder):
        os.utime(path, (0, time.time() - 25 * 3600))
    return [old, folder, new]


def test_it_goes_after_a_day_and_nothing_else_does(left, data_dir):
    dataset = data_dir / "datasets" / "abc.jsonl"
    dataset.write_text("rows")
    os.utime(dataset, (0, 0))

    remains.remove()

    assert [path.exists() for path in (*left, dataset)] == [False, False, True, True]


def test_a_model_that_was_being_made_goes_too(data_dir):
    draft = data_dir / "models" / ".making-7"
    draft.mkdir(parents=True)
    os.utime(draft, (0, time.time() - 25 * 3600))

    remains.remove()

    assert not draft.exists()


def test_what_cannot_be_removed_keeps_nobody_from_the_rest(left, monkeypatch, caplog):
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)

    remains.remove()

    assert [path.exists() for path in left] == [True, False, True]
    assert "stays for now" in caplog.text
