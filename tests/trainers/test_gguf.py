"""Base models in GGUF files, which are unpacked for training."""

import subprocess
import sys

import pytest

from tests.tiny_gguf import write_gguf
from tests.trainers.child import RunFolder, perform_all, write_rows
from tests.trainers.test_preferences import PAIRS
from training_jobs import model_folders

AGREE = """
import sys, torch
from pathlib import Path
from training_methods.trainers import hugging_face
folders = [Path(folder) for folder in sys.argv[1:]]
one, other = (hugging_face.load_tokenizer(folder)("Who makes the kettle?", return_tensors="pt") for folder in folders)
assert one["input_ids"].tolist() == other["input_ids"].tolist()
def answers(load, **more):
    return [load(folder, dtype=torch.float32, **more)(**one).logits for folder in folders]
torch.testing.assert_close(*answers(hugging_face.load_model))
torch.testing.assert_close(*answers(hugging_face.load_scorer, padding=0, seed=1))
"""


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory, tiny_model):
    return write_gguf(tiny_model, tmp_path_factory.mktemp("models") / "gguf")


@pytest.fixture(scope="module")
def reward_run(tmp_path_factory, tiny_gguf):
    def make(**parameters) -> RunFolder:
        folder = tmp_path_factory.mktemp("run")
        dataset = write_rows(folder / "rows.jsonl", PAIRS) | {"data_format": "preference"}
        return RunFolder(
            folder / "attempt-1", trainer="reward", base_model=tiny_gguf, dataset=dataset, parameters=parameters
        )

    return make


def test_it_speaks_and_scores_as_the_model_that_was_written_there(tiny_model, tiny_gguf):
    done = subprocess.run([sys.executable, "-c", AGREE, tiny_model, tiny_gguf], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_a_reward_model_grows_from_it(reward_run):
    runs = [reward_run(max_steps=6, learning_rate=0.005, use_lora=use_lora) for use_lora in (True, False)]

    perform_all(runs)

    for run in runs:
        assert run.losses()[-1] < run.losses()[0]
        assert model_folders.inspect(run.output).kind == "reward"
