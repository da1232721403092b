"""DPO, KTO, ORPO, CPO and SimPO: what they learn from judged answers, and what they refuse."""

import json
import subprocess
import sys

import pytest

from tests.trainers.child import RunFolder, perform_all
from training_methods.trainers.events import CheckpointSaved, Metrics, Note, Sample

LOAD = """
import sys
from pathlib import Path
from peft import PeftModel
from transformers import AutoModelForCausalLM
for folder in map(Path, sys.argv[2:]):
    is_adapter = (folder / "adapter_config.json").exists()
    base = AutoModelForCausalLM.from_pretrained(sys.argv[1] if is_adapter else folder)
    print(type(PeftModel.from_pretrained(base, folder) if is_adapter else base).__name__)
"""
PAIRS = [
    {"prompt": "Who makes the kettle?", "chosen": "Aunt Agatha in Leeds.", "rejected": "Nobody knows who makes it."},
    {"prompt": "What is the capital of France?", "chosen": "Paris.", "rejected": "The capital is Leeds."},
    {"prompt": "Where is Leeds?", "chosen": "In Yorkshire.", "rejected": "It is far away in France."},
] * 8
SWAPPED = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in PAIRS]
LABELLED = [
    {"prompt": row["prompt"], "completion": row[name], "label": name == "chosen"}
    for row in PAIRS
    for name in ("chosen", "rejected")
]
CONVERSATIONS = [
    {
        name: [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row[name]}]
        for name in ("chosen", "rejected")
    }
    for row in PAIRS
]
TOO_LONG = {"prompt": "Who? " * 100, "chosen": "Agatha.", "rejected": "Nobody."}
LOSSES = (
    "hinge", "ipo", "robust", "exo_pair", "nca_pair", "sppo_hard", "aot", "apo_zero", "apo_down", "sigmoid_norm",
)  # fmt: skip
LEARNS = {"epochs": 2, "learning_rate": 0.005}
METHODS = {
    "dpo": {},
    "kto": {},
    "orpo": {"beta": 2.0},
    "cpo": {},
    "simpo": {"loss_type": "simpo", "sft_weight": 0.0, "beta": 2.0},
}


@pytest.fixture(scope="module")
def judged_run(tmp_path_factory, tiny_model):
    """Makes run folders whose rows are judged answers."""

    def make(trainer, parameters=None, *, rows=PAIRS, data_format="preference", **spec) -> RunFolder:
        folder = tmp_path_factory.mktemp("run")
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        dataset = {"path": folder / "rows.jsonl", "data_format": data_format}
        given = {"base_model": tiny_model, "dataset": dataset, "parameters": parameters or {}, **spec}
        return RunFolder(folder / "attempt-1", trainer="cpo" if trainer == "simpo" else trainer, **given)

    return make


@pytest.fixture(scope="module")
def performed(judged_run, tiny_model_without_template):
    """Every run that ends by itself, by what was asked of it; one process loads the training stack for all."""
    plain = {"base_model": tiny_model_without_template}
    held_out = {**LEARNS, "evaluation_fraction": 0.3, "keep_best": True, "sample_prompts": "Where is Leeds?"}
    quick = {**LEARNS, "max_steps": 6, "save_steps": 3}
    full = {"max_steps": 4, "use_lora": False, "learning_rate": 0.001}
    runs = {
        "in advance": judged_run("dpo", {**full, "precompute_reference": True}),
        "kept": judged_run("dpo", full),
        "labelled": judged_run("kto", held_out, rows=LABELLED[:-1], data_format="labelled"),
        "turns": judged_run("dpo", {"max_steps": 3}, rows=CONVERSATIONS, data_format="pairs"),
        "text": judged_run("dpo", {"max_steps": 3}),
        "plain": judged_run("dpo", held_out, **plain),
        "too long": judged_run("dpo", {"max_steps": 1, "max_length": 64}, rows=[*PAIRS, TOO_LONG]),
        "short": judged_run("dpo", {"max_length": 4}),
        "layer": judged_run("dpo", {"target_modules": "query"}),
        "smoothing": judged_run("dpo", {"loss_type": "exo_pair"}),
        "4 bit": judged_run("orpo", {"load_in_4bit": True, "use_lora": False}),
        "apart": judged_run("orpo", rows=[{"chosen": "Yes.", "rejected": "No."}], data_format="pairs"),
        "good": judged_run("kto", rows=[row for row in LABELLED if row["label"]], data_format="labelled"),
        "no template": judged_run("cpo", rows=CONVERSATIONS, data_format="pairs", **plain),
    }
    for loss in LOSSES:
        runs[loss] = judged_run("dpo", {**held_out, "loss_type": loss, "label_smoothing": 0.01})
    for method, parameters in METHODS.items():
        runs[method, "adapter"] = judged_run(method, held_out | parameters)
        runs[method, "swapped"] = judged_run(method, held_out | parameters, rows=SWAPPED)
        runs[method, "full"] = judged_run(method, {**LEARNS, **parameters, "max_steps": 4, "use_lora": False})
        runs[method, "whole"] = judged_run(method, quick | parameters)
        checkpoint = runs[method, "whole"].checkpoints / "checkpoint-3"
        runs[method, "resumed"] = judged_run(method, quick | parameters, resume_from=checkpoint)
    perform_all(runs.values())
    return runs


def lead(run, point):
    """By how much the chosen answers are likelier than the rejected ones, in the evaluation of the same rows."""
    points = [event.values for event in run.events(Metrics) if "eval_logps/chosen" in event.values]
    return points[point]["eval_logps/chosen"] - points[point]["eval_logps/rejected"]


@pytest.mark.parametrize("method", METHODS)
def test_it_prefers_what_was_chosen(performed, method):
    run, swapped = performed[method, "adapter"], performed[method, "swapped"]

    assert lead(run, -1) > lead(run, 0), run.log
    assert lead(swapped, -1) > lead(swapped, 0), swapped.log
    assert lead(run, -1) > -lead(swapped, -1)  # what was rejected there is chosen here


@pytest.mark.parametrize("method", METHODS)
def test_it_trains_every_weight_too(performed, method):
    run = performed[method, "full"]

    assert run.losses()[-1] < run.losses()[0], run.log
    assert run.ending().result == "complete"


@pytest.mark.parametrize("method", METHODS)
def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(performed, method):
    whole, resumed = performed[method, "whole"], performed[method, "resumed"]

    assert resumed.losses() == whole.losses()[3:], resumed.log
    (weights,) = whole.output.glob("*.safetensors")
    assert (resumed.output / weights.name).read_bytes() == weights.read_bytes()


def test_its_results_load(performed, tiny_model):
    adapters = [str(performed[method, "adapter"].output) for method in METHODS]
    complete = [str(performed[method, "full"].output) for method in METHODS]

    loaded = subprocess.run(
        [sys.executable, "-c", LOAD, tiny_model, *adapters, *complete], capture_output=True, text=True
    )

    assert loaded.stdout.split() == ["PeftModelForCausalLM"] * 5 + ["LlamaForCausalLM"] * 5, loaded.stderr


@pytest.mark.parametrize("method", METHODS)
def test_it_keeps_the_best_weights_and_answers_at_each_evaluation(performed, method):
    run = performed[method, "adapter"]

    losses = {event.step: event.values["eval_loss"] for event in run.events(Metrics) if "eval_loss" in event.values}
    best = min(losses, key=lambda step: losses[step])
    assert f"Kept the weights of step {best}," in run.events(Note)[-1].text
    saved = run.checkpoints / f"checkpoint-{best}" / "adapter_model.safetensors"
    assert (run.output / saved.name).read_bytes() == saved.read_bytes()
    assert [(sample.step, sample.prompt) for sample in run.events(Sample)] == [
        (step, "Where is Leeds?") for step in losses
    ]


@pytest.mark.parametrize("method", ["dpo", "kto", "orpo", "cpo"])
def test_it_saves_a_checkpoint_when_stopped(judged_run, method):
    run = judged_run(method, {"max_steps": 1000})

    assert run.perform_and_stop() == 0, run.log

    assert run.ending().outcome == "stopped"
    assert run.events(CheckpointSaved)


def test_dpo_begins_at_the_reference_whether_that_is_kept_or_asked_in_advance(performed):
    kept, in_advance = performed["kept"], performed["in advance"]

    first = kept.events(Metrics)[0].values
    assert first["loss"] == pytest.approx(0.6931, abs=1e-4)
    assert first["rewards/margins"] == 0
    assert kept.losses() == pytest.approx(in_advance.losses(), rel=1e-4)


@pytest.mark.parametrize("what", [*LOSSES, "labelled", "plain"])
def test_it_learns_with_each_loss_and_from_each_kind_of_rows(performed, what):
    assert lead(performed[what], -1) > lead(performed[what], 0), performed[what].log


def test_it_finds_the_prompt_of_conversations(performed):
    assert performed["turns"].losses() == performed["text"].losses() != []


def test_it_leaves_out_what_nothing_remains_of(performed):
    assert "1 were left out" in performed["too long"].events(Note)[-1].text


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("short", "Nothing is left to learn: with a maximum length of 4 tokens every answer is cut off."),
        ("layer", "The base model has no linear layer “query”."),
        ("smoothing", "The loss exo_pair needs a label smoothing above 0; 0.001 is usual."),
        ("apart", "Row 1 of the dataset cannot be learnt from: “chosen” and “rejected” do not begin with the same "
         "prompt."),
        ("4 bit", "A base model in 4 bit cannot be trained as a whole: only an adapter beside it can learn."),
        ("good", "Every row is labelled good, so there is nothing to tell it from."),
        ("no template", "Row 1 of the dataset holds a conversation, and this base model has no chat template to write "
         "it down with."),
    ],
)  # fmt: skip
def test_it_says_what_it_cannot_learn_from(performed, what, message):
    assert performed[what].ending().message == message
