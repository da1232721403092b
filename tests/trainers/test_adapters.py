"""The other adapter families: IA³, prompt tuning and its kin, and the variants of LoRA."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.trainers.child import write_rows
from training_methods.trainers import tiny
from training_methods.trainers.events import CheckpointSaved, Metrics
from training_methods.trainers.rows import DataFormat

# One batch is the whole dataset, so that the loss stays where it is unless something is learnt.
WHOLE = {"batch_size": 24, "max_steps": 12, "lr_scheduler": "constant_with_warmup", "warmup_ratio": 0.0}
WAYS = {
    "ia3": ("ia3", {"learning_rate": 0.1}, 0.02),
    "start-text": ("prompt-tuning", {"learning_rate": 0.3, "start_text": "Who makes the kettle?"}, 0.02),
    "prefix": ("prompt-tuning", {"variant": "prefix", "learning_rate": 0.1}, 0.02),
    "p-tuning": ("prompt-tuning", {"variant": "p-tuning", "learning_rate": 0.1}, 0.02),
    "pissa": ("lora", {"variant": "pissa", "learning_rate": 0.01, "rank": 8}, 0.5),
    "vera": ("lora", {"variant": "vera", "learning_rate": 0.1}, 0.2),
    "loha": ("lora", {"variant": "loha", "learning_rate": 0.005}, 0.2),
    "oft": ("lora", {"variant": "oft", "learning_rate": 0.01}, 0.2),
}

LOSSES_WITH_PEFT = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
base, adapter = sys.argv[1:]
tokenizer = AutoTokenizer.from_pretrained(adapter)
turns = [{"role": "user", "content": "Where is Leeds?"}, {"role": "assistant", "content": "In Yorkshire."}]
whole = tokenizer.apply_chat_template(turns, return_tensors="pt", return_dict=True)["input_ids"]
asked = tokenizer.apply_chat_template(turns[:1], return_tensors="pt", return_dict=True, add_generation_prompt=True)
labels = whole.clone()
labels[:, : asked["input_ids"].shape[1]] = -100
model = AutoModelForCausalLM.from_pretrained(base)
losses = [model(input_ids=whole, labels=labels).loss.item()]
tuned = PeftModel.from_pretrained(model, adapter).eval()
losses += [tuned(input_ids=whole, attention_mask=torch.ones_like(whole), labels=labels).loss.item()]
answer = tuned.generate(**asked, max_new_tokens=3, do_sample=False)
print(json.dumps([*losses, len(answer[0]) - len(asked["input_ids"][0])]))
"""


@pytest.mark.parametrize("way", WAYS)
def test_it_learns_and_leaves_an_adapter_that_plain_peft_loads_and_asks(run_folder, tiny_model, way):
    trainer, parameters, at_least = WAYS[way]
    run = run_folder(trainer, {**WHOLE, **parameters})

    assert run.perform() == 0, run.log

    assert run.ending().result == "adapter"
    losses = run.losses()
    assert losses[-1] < losses[0] - at_least
    command = [sys.executable, "-c", LOSSES_WITH_PEFT, str(tiny_model), str(run.output)]
    loaded = subprocess.run(command, capture_output=True, text=True)
    before, after, answered = json.loads(loaded.stdout or "null") or pytest.fail(loaded.stderr)
    assert after < before - at_least / 2
    assert answered >= 1


@pytest.mark.parametrize("way", ["ia3", "p-tuning", "pissa"])
def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(run_folder, way):
    trainer, parameters, _ = WAYS[way]
    whole = run_folder(trainer, {**parameters, "max_steps": 6, "save_steps": 3})
    assert whole.perform() == 0, whole.log

    first, *_ = whole.events(CheckpointSaved)
    resumed = run_folder(trainer, {**parameters, "max_steps": 6, "save_steps": 3}, resume_from=first.path)
    assert resumed.perform() == 0, resumed.log

    assert [point.values for point in resumed.events(Metrics)] == [point.values for point in whole.events(Metrics)][3:]
    (weights,) = whole.output.glob("*.safetensors")
    assert (resumed.output / weights.name).read_bytes() == weights.read_bytes()


def test_it_leaves_of_pissa_a_plain_lora_for_the_base_model_as_it_was(run_folder):
    run = run_folder("lora", {"variant": "pissa", "rank": 4, "max_steps": 1})

    assert run.perform() == 0, run.log

    config = json.loads((run.output / "adapter_config.json").read_text())
    assert (config["init_lora_weights"], config["r"]) == (True, 8)


@pytest.mark.parametrize(
    ("trainer", "parameters", "sentence"),
    [
        ("prompt-tuning", {"virtual_tokens": 255}, "255 virtual tokens leave no room for rows"),
        ("prompt-tuning", {"variant": "prefix", "start_text": "Hi"}, "A starting text goes with the variant prompt"),
        ("ia3", {"feedforward_modules": "inner"}, "The base model has no linear layer “inner”."),
    ],
    ids=["tokens", "start-text", "layers"],
)
def test_it_says_what_cannot_be(run_folder, trainer, parameters, sentence):
    run = run_folder(trainer, parameters)

    assert run.perform() == 1

    assert sentence in run.ending().message
    assert run.ending().hint


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
@pytest.mark.parametrize(
    ("trainer", "data_format", "more"),
    [
        ("lora", "question-answer", {}),
        ("lora", "question-answer", {"variant": "vera", "learning_rate": 0.1, "precision": "fp32"}),
        ("dpo", "preference", {}),
        ("reward", "preference", {}),
    ],
    ids=["lora", "vera", "dpo", "reward"],
)
def test_it_trains_on_a_base_model_in_4_bit(run_folder, tmp_path, trainer, data_format, more):
    rows = write_rows(tmp_path / "rows.jsonl", tiny.rows(DataFormat(data_format), 24))
    parameters = {**WHOLE, "load_in_4bit": True, "learning_rate": 0.01, **more}
    run = run_folder(trainer, parameters, dataset={**rows, "data_format": data_format})

    assert run.perform() == 0, run.log

    assert run.losses()[-1] < run.losses()[0] - 0.2
