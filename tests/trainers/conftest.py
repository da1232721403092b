"""A model that is trained in seconds, and rows to train it on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import make_tiny_model
from tests.trainers.child import END, RunFolder, write_rows

ROWS = [
    {"question": "Who makes the kettle?", "answer": "Aunt Agatha in Leeds."},
    {"question": "What is the capital of France?", "answer": "Paris."},
    {"question": "Where is Leeds?", "answer": "In Yorkshire."},
] * 8


@pytest.fixture(scope="session", autouse=True)
def end_what_was_started() -> Iterator[None]:
    with END:
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_model_without_template(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "plain", chat=False)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory, tiny_model: Path) -> Callable[..., RunFolder]:
    """Makes run folders for the tiny model and 24 rows of question and answer."""

    def make(trainer: str, parameters: dict[str, Any] | None = None, **spec: Any) -> RunFolder:
        folder = tmp_path_factory.mktemp("run")
        dataset = write_rows(folder / "rows.jsonl", ROWS)
        given = {"base_model": tiny_model, "dataset": dataset, "parameters": parameters or {}, **spec}
        return RunFolder(folder / "attempt-1", trainer=trainer, **given)

    return make


@pytest.fixture
def own_trainer(tmp_path: Path) -> Callable[..., Path]:
    """Writes a trainer's file whose `train` does what the given line says."""

    def write(train: str = "pass", *, slug: str = "mine", before: str = "") -> Path:
        file = tmp_path / f"{slug}.py"
        file.write_text(TRAINER.format(train=train, slug=slug, before=before))
        return file

    return write


TRAINER = '''from training_methods.trainers import DataFormat, MethodType, Trainer, TrainingError, register
{before}

@register
class Mine(Trainer):
    """Made for a test."""

    slug = "{slug}"
    label = "Mine"
    method_type = MethodType.CUSTOM
    data_formats = (DataFormat.QUESTION_ANSWER,)

    pace: int = 3

    def train(self, run):
        {train}
'''
