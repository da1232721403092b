"""The reward model: scores what was chosen higher, and can be a base model."""

import json
import subprocess
import sys

import pytest
from safetensors.torch import load_file

from tests.trainers.child import RunFolder, perform_all
from tests.trainers.test_preferences import PAIRS, SWAPPED
from training_jobs import model_folders
from training_methods.trainers.events import CheckpointSaved, Metrics, Note

SCORE = """
import json, sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1])
def score(row, name):
    turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row[name]}]
    return model(**tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)).logits.item()
print(json.dumps([score(row, "chosen") - score(row, "rejected") for row in json.loads(sys.argv[2])]))
"""
LEARNS = {"epochs": 4, "learning_rate": 0.005}


@pytest.fixture(scope="module")
def reward_run(tmp_path_factory, tiny_model):
    def make(parameters=None, *, rows=PAIRS, **spec) -> RunFolder:
        folder = tmp_path_factory.mktemp("run")
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        dataset = {"path": folder / "rows.jsonl", "data_format": "preference"}
        given = {"base_model": tiny_model, "dataset": dataset, "parameters": parameters or {}, **spec}
        return RunFolder(folder / "attempt-1", trainer="reward", **given)

    return make


@pytest.fixture(scope="module")
def performed(reward_run):
    quick = {**LEARNS, "max_steps": 6, "save_steps": 3}
    held_out = {**LEARNS, "evaluation_fraction": 0.2, "keep_best": True}
    runs = {
        "lora": reward_run(held_out),
        "full": reward_run({**held_out, "use_lora": False}),
        "swapped": reward_run(LEARNS, rows=SWAPPED),
        "whole": reward_run(quick),
    }
    runs["resumed"] = reward_run(quick, resume_from=runs["whole"].checkpoints / "checkpoint-3")
    runs["second"] = reward_run({"max_steps": 1, "use_lora": False}, base_model=runs["lora"].output)
    perform_all(runs.values())
    return runs


def leads(run):
    """By how much each chosen answer scores higher."""
    command = [sys.executable, "-c", SCORE, run.output, json.dumps(PAIRS[:3])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("what", ["lora", "full"])
def test_it_scores_what_was_chosen_higher(performed, what):
    run = performed[what]

    assert min(leads(run)) > 0.5
    assert run.ending().values["eval_accuracy"] == 1
    assert run.events(Note)[-1].text.startswith("Kept the weights of step ")
    assert run.events(Metrics)[0].values.keys() >= {"accuracy", "margin", "mean_reward"}
    assert "AutoModelForSequenceClassification" in (run.output / "README.md").read_text()


def test_it_learns_the_opposite_from_swapped_pairs(performed):
    assert max(leads(performed["swapped"])) < -0.5


def test_its_result_is_a_base_model_of_the_kind_reward_and_learns_on(performed):
    first, second = performed["lora"], performed["second"]

    assert model_folders.inspect(first.output).kind == "reward"
    assert second.losses()[0] < first.losses()[0] / 2


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(performed):
    whole, resumed = performed["whole"], performed["resumed"]

    assert resumed.losses() == whole.losses()[3:] != []
    assert (resumed.output / "model.safetensors").read_bytes() == (whole.output / "model.safetensors").read_bytes()


def test_it_saves_a_checkpoint_when_stopped(reward_run):
    run = reward_run({"max_steps": 1000})

    assert run.perform_and_stop() == 0, run.log

    assert run.ending().outcome == "stopped"
    assert run.events(CheckpointSaved)


def test_its_head_learns_in_steps_that_bf16_would_lose(reward_run):
    run = reward_run({"precision": "bf16", "learning_rate": 1e-5, "max_steps": 3})

    assert run.perform() == 0, run.log

    head = load_file(run.output / "model.safetensors")["score.weight"]
    assert (head != head.bfloat16().float()).any()
