"""GRPO and RLOO, whose models answer prompts and learn from how their answers are rated."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.trainers.child import RunFolder
from training_methods.trainers.events import CheckpointSaved, Note, Sample

MAKE_OUTSPOKEN = """
import sys
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
model.lm_head.weight.data *= 12
model.save_pretrained(sys.argv[1])
"""
LOAD = """
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM
base, result = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(base if base != "none" else result)
print(type(PeftModel.from_pretrained(model, result) if base != "none" else model).__name__)
"""
TRL_ALONE = """
import json, sys
from pathlib import Path
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
import trl

method, model, rows, output, whole = sys.argv[1:]
Trainer, Config = getattr(trl, f"{method}Trainer"), getattr(trl, f"{method}Config")
rows = [json.loads(line) for line in Path(rows).read_text().splitlines()]
prompts = [[{"role": "user", "content": row["prompt"]}] for row in rows]

def length(completions, **_):
    lengths = [len(completion[0]["content"].strip()) for completion in completions]
    return [min(length / 30, 99 / max(length, 1), 1.0) for length in lengths]

def level(completions, level, **_):
    return level

adapter = LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
more = {"beta": 0.1, "max_steps": 6, "learning_rate": 0.0005} if whole else {}
trainer = Trainer(
    model=model if whole else AutoModelForCausalLM.from_pretrained(model, dtype="float32"),
    processing_class=AutoTokenizer.from_pretrained(model),
    reward_funcs=[length, level],
    train_dataset=Dataset.from_dict({"prompt": prompts, "level": [row["level"] for row in rows]}),
    peft_config=None if whole else adapter,
    args=Config(
        output_dir=output, seed=42, warmup_steps=0.05, weight_decay=0.0,
        **{"beta": 0.0, "max_steps": 12, "learning_rate": 0.003, **more},
        lr_scheduler_type="constant_with_warmup", per_device_train_batch_size=16, num_generations=8,
        max_completion_length=8, reward_weights=[2.0, 0.5], gradient_checkpointing=False, bf16=False, use_cpu=True,
        logging_steps=1, save_strategy="no", report_to="none", disable_tqdm=True,
    ),
)
trainer.train()
names = ("loss", "reward", "grad_norm")
print(json.dumps([[logs[name] for name in names] for logs in trainer.state.log_history if "reward" in logs]))
"""
OWN = "def level(completion, row):\n    return row['level']\n"
ROWS = [{"prompt": f"Say {letter}", "answer": letter, "level": place} for place, letter in enumerate("abcdefgh")]
SETTINGS = {
    "rewards": "length(30, 99): 2, level: 0.5",
    "learning_rate": 0.003,
    "beta": 0.0,
    "max_steps": 12,
    "batch_size": 16,
    "num_generations": 8,
    "max_completion_length": 8,
    "save_steps": 6,
    "sample_steps": 6,
    "precision": "fp32",
}


@pytest.fixture(scope="module")
def outspoken_model(tmp_path_factory, tiny_model):
    """A tiny model that prefers some words: one that finds all of them alike moves too slowly to be watched."""
    folder = tmp_path_factory.mktemp("models") / "outspoken"
    shutil.copytree(tiny_model, folder)
    subprocess.run([sys.executable, "-c", MAKE_OUTSPOKEN, folder], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def sampling_run(tmp_path_factory, outspoken_model):
    """Makes run folders whose rows are prompts with an answer and a level."""

    def make(trainer, **spec) -> RunFolder:
        folder = tmp_path_factory.mktemp("run")
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        (folder / "rewards.py").write_text(OWN)
        parameters = {**SETTINGS, **spec.pop("parameters", {})}
        return RunFolder(
            folder / "attempt-1",
            trainer=trainer,
            base_model=outspoken_model,
            dataset={"path": folder / "rows.jsonl", "data_format": "prompt"},
            rewards_file=folder / "rewards.py",
            parameters=parameters,
            **spec,
        )

    return make


@pytest.fixture(scope="module", params=["grpo", "rloo"])
def trained(request, sampling_run):
    run = sampling_run(request.param)
    assert run.perform() == 0, run.log
    return run


def curve(run, name) -> list[float]:
    return [values[name] for _, values in run.points()]


def test_what_is_rated_higher_becomes_likelier(trained):
    lengths = curve(trained, "rewards/length(30, 99)/mean")

    assert sum(lengths[-3:]) / 3 > sum(lengths[:3]) / 3 + 0.2


def test_each_reward_has_its_curve_and_its_weight(trained):
    for _, values in trained.points():
        assert values["reward"] == pytest.approx(
            2 * values["rewards/length(30, 99)/mean"] + 0.5 * values["rewards/level/mean"], abs=1e-4
        )
        assert {"reward_std", "completions/mean_length", "num_tokens"} <= values.keys()
    assert 0 <= min(curve(trained, "rewards/level/mean")) < max(curve(trained, "rewards/level/mean")) <= 7


def test_it_keeps_what_is_answered_to_the_same_prompts(trained):
    samples = trained.events(Sample)

    assert [sample.step for sample in samples] == [0, 0, 0, 6, 6, 6, 12, 12, 12]
    assert [sample.prompt for sample in samples] == ["Say a", "Say b", "Say c"] * 3
    assert samples[0].answer != samples[-3].answer
    assert "8 prompts." in [note.text for note in trained.events(Note)]


def through_trl_alone(run, model, output, *, whole=False):
    """Loss, reward and gradient of each step."""
    method = json.loads((run.path / "run.json").read_text())["trainer"].upper()
    rows = run.path.parent / "rows.jsonl"
    command = [sys.executable, "-c", TRL_ALONE, method, model, rows, output, "whole" * whole]
    alone = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert alone.returncode == 0, alone.stderr
    return json.loads(alone.stdout.splitlines()[-1])


def steps_of(run):
    return [[values["loss"], values["reward"], values["grad_norm"]] for _, values in run.points()]


def test_trl_alone_gives_the_same_step_by_step(trained, outspoken_model, tmp_path):
    assert through_trl_alone(trained, outspoken_model, tmp_path) == steps_of(trained)


@pytest.mark.parametrize("method", ["grpo", "rloo"])
def test_trl_alone_gives_the_same_with_every_weight_and_held_to_the_base_model(
    sampling_run, outspoken_model, tmp_path, method
):
    run = sampling_run(method, parameters={"use_lora": False, "beta": 0.1, "max_steps": 6, "learning_rate": 0.0005})
    assert run.perform() == 0, run.log

    assert through_trl_alone(run, outspoken_model, tmp_path, whole=True) == steps_of(run)
    assert any(curve(run, "kl"))


def test_its_adapter_loads(trained, outspoken_model):
    command = [sys.executable, "-c", LOAD, outspoken_model, trained.output]

    loaded = subprocess.run(command, capture_output=True, text=True)

    assert loaded.stdout.strip() == "PeftModelForCausalLM", loaded.stderr
    card = (trained.output / "README.md").read_text()
    assert "Final reward" in card
    assert "8 rows, prompt" in card


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(trained, sampling_run):
    first, *_ = trained.events(CheckpointSaved)
    name = json.loads((trained.path / "run.json").read_text())["trainer"]

    resumed = sampling_run(name, resume_from=first.path)
    assert resumed.perform() == 0, resumed.log

    assert first.step == 6
    assert resumed.points() == trained.points()[6:]
    (weights,) = trained.output.glob("*.safetensors")
    assert (resumed.output / weights.name).read_bytes() == weights.read_bytes()


@pytest.mark.parametrize("method", ["grpo", "rloo"])
def test_it_rates_answers_to_prompts_held_out_and_keeps_the_best_weights(sampling_run, method):
    held_out = {"evaluation_fraction": 0.25, "evaluation_steps": 2, "keep_best": True, "max_steps": 5}
    run = sampling_run(method, parameters=held_out)

    assert run.perform() == 0, run.log

    rated = {step: values for step, values in run.points() if "eval_reward" in values}
    assert list(rated) == [2, 4, 5]
    assert "eval_rewards/length(30, 99)/mean" in rated[5]
    best = max(rated, key=lambda step: rated[step]["eval_reward"])
    assert f"Kept the weights of step {best}, whose reward in evaluation was the highest" in run.events(Note)[-1].text
    saved = run.checkpoints / f"checkpoint-{best}" / "adapter_model.safetensors"
    assert (run.output / saved.name).read_bytes() == saved.read_bytes()


def test_it_trains_every_weight_and_learns_nothing_where_all_answers_are_alike(sampling_run):
    alike = {"use_lora": False, "rewards": "length(1, 9999)", "beta": 0.0, "max_steps": 2}
    run = sampling_run("grpo", parameters=alike)

    assert run.perform() == 0, run.log

    assert curve(run, "grad_norm") == [0, 0]
    loaded = subprocess.run([sys.executable, "-c", LOAD, "none", run.output], capture_output=True, text=True)
    assert loaded.stdout.strip() == "LlamaForCausalLM", loaded.stderr


def test_it_is_held_to_the_base_model(sampling_run):
    held = {"use_lora": False, "beta": 0.1, "max_steps": 4}
    run = sampling_run("rloo", parameters=held)

    assert run.perform() == 0, run.log

    assert curve(run, "kl")[0] == 0
    assert any(curve(run, "kl")[2:])


def test_it_stops_when_asked_to(sampling_run):
    run = sampling_run("grpo", parameters={"max_steps": 1000})

    assert run.perform_and_stop() == 0, run.log

    assert run.ending().outcome == "stopped"
    assert run.events(CheckpointSaved)


def test_it_refuses_groups_that_do_not_come_out_even(sampling_run):
    run = sampling_run("rloo", parameters={"num_generations": 6})

    assert run.perform() == 1

    assert run.ending().message.startswith("16 answers a step cannot be divided into groups of 6: make ")
