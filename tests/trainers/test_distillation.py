"""Distillation: a model comes closer to its teacher, who must speak its language."""

import json
import subprocess
import sys
from statistics import mean

import pytest

from tests.trainers.child import RunFolder, perform_all
from training_methods.trainers.events import CheckpointSaved, Metrics

# The same model with one more word.
MAKE_STRANGER = """
import sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
tokenizer.add_tokens(["another"])
tokenizer.save_pretrained(sys.argv[2])
"""
LOAD = """
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM
print(type(PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(sys.argv[1]), sys.argv[2])).__name__)
print(type(AutoModelForCausalLM.from_pretrained(sys.argv[3])).__name__)
"""
ROWS = [{"prompt": f"Say {letter}"} for letter in "abcdefgh"] * 2
QUICK = {"learning_rate": 0.01, "max_completion_length": 8, "sample_steps": 0, "batch_size": 8}


@pytest.fixture(scope="module")
def performed(tmp_path_factory, tiny_model):
    """Every run that ends by itself, by what was asked of it."""
    stranger = tmp_path_factory.mktemp("models") / "stranger"
    subprocess.run([sys.executable, "-c", MAKE_STRANGER, tiny_model, stranger], check=True)

    def make(parameters, *, trainer="distillation", rows=ROWS, data_format="prompt", **spec):
        folder = tmp_path_factory.mktemp("run")
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        dataset = {"path": folder / "rows.jsonl", "data_format": data_format}
        given = {"base_model": tiny_model, "dataset": dataset, "parameters": parameters, **spec}
        return RunFolder(folder / "attempt-1", trainer=trainer, **given)

    learnt = [{**row, "completion": "Paris. Paris. Paris."} for row in ROWS]
    teacher = make({"epochs": 10, "learning_rate": 0.01}, trainer="sft", rows=learnt, data_format="prompt-completion")
    taught = {"teacher": str(teacher.output), **QUICK}
    runs = {
        "adapter": make({**taught, "max_steps": 40}),
        "idle": make({**taught, "max_steps": 20, "learning_rate": 1e-9}),
        "full": make({**taught, "max_steps": 40, "use_lora": False, "divergence": 0.5}),
        "whole": make({**taught, "max_steps": 6, "save_steps": 3}),
        "absent": make({**taught, "teacher": "/nowhere"}),
        "stranger": make({**taught, "teacher": "another family"}, models={"another family": stranger}),
    }
    runs["resumed"] = make(
        {**taught, "max_steps": 6, "save_steps": 3}, resume_from=runs["whole"].checkpoints / "checkpoint-3"
    )
    perform_all([teacher, *runs.values()])
    return runs | {"stopped": make({**taught, "max_steps": 1000})}


def distances(run):
    """To the teacher, at the beginning and at the end."""
    losses = run.losses()
    return mean(losses[:5]), mean(losses[-5:])


@pytest.mark.parametrize("what", ["adapter", "full"])
def test_it_comes_closer_to_its_teacher(performed, what):
    before, after = distances(performed[what])

    assert after < before * 0.9, performed[what].losses()


def test_it_stays_where_it_is_when_nothing_is_learnt(performed):
    before, after = distances(performed["idle"])

    assert after > before * 0.95


def test_its_results_load(performed, tiny_model):
    command = [sys.executable, "-c", LOAD, tiny_model, performed["adapter"].output, performed["full"].output]

    loaded = subprocess.run(command, capture_output=True, text=True)

    assert loaded.stdout.split() == ["PeftModelForCausalLM", "LlamaForCausalLM"], loaded.stderr


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(performed):
    whole, resumed = performed["whole"], performed["resumed"]

    assert resumed.losses() == whole.losses()[3:] != []


def test_it_saves_a_checkpoint_when_stopped(performed):
    run = performed["stopped"]

    assert run.perform_and_stop() == 0, run.log

    assert run.ending().outcome == "stopped"
    assert run.events(CheckpointSaved)


def test_it_shows_how_long_the_answers_are(performed):
    assert "completions/mean_length" in performed["adapter"].events(Metrics)[0].values


def test_it_says_which_teacher_it_cannot_learn_from(performed):
    assert performed["absent"].ending().message == "The folder of “/nowhere”, /nowhere, is not there."
    assert "has another vocabulary" in performed["stranger"].ending().message
