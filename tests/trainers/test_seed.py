"""The seed of a run decides everything that is drawn: the adapter's start, dropout, the order of rows, the answers."""

import pytest

from tests.trainers.child import perform_all, write_rows
from training_methods.trainers import tiny
from training_methods.trainers.rows import DataFormat

QUICK = {"max_steps": 2, "learning_rate": 0.01}
ANSWERS = {"rewards": "length(30, 99)", "num_generations": 4, "max_completion_length": 8, "sample_steps": 0}
METHODS = {
    "lora": (DataFormat.QUESTION_ANSWER, {"dropout": 0.1}),
    "dpo": (DataFormat.PREFERENCE, {"dropout": 0.1}),
    "ia3": (DataFormat.QUESTION_ANSWER, {}),
    "prompt-tuning": (DataFormat.QUESTION_ANSWER, {}),
    "grpo": (DataFormat.PROMPT, ANSWERS),
}


@pytest.fixture(scope="module")
def performed(run_folder, tmp_path_factory):
    """Runs by method and name: two with one seed, one with another."""
    runs = {}
    for method, (data_format, parameters) in METHODS.items():
        rows = write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", tiny.rows(data_format, 24))
        dataset = {**rows, "data_format": data_format}
        for name, seed in {"one": 7, "again": 7, "other": 8}.items():
            runs[method, name] = run_folder(method, {**QUICK, **parameters}, dataset=dataset, seed=seed)
    perform_all(runs.values())
    return runs


def weights(run) -> bytes:
    (file,) = run.output.glob("*.safetensors")
    return file.read_bytes()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_weights_and_another_one_others(performed, method):
    one, again, other = (performed[method, name] for name in ("one", "again", "other"))

    assert weights(one) == weights(again), one.log
    assert weights(one) != weights(other)
    assert one.losses() == again.losses()
