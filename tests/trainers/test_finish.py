"""A training that is asked to end early, with its result."""

import json
import subprocess
import sys

import pytest

from tests.trainers.child import ROOT, wait_for
from tests.trainers.test_ppo import SETTINGS, outspoken_model, run_of  # noqa: F401 (a model that answers)
from training_methods.trainers.base import FINISH
from training_methods.trainers.events import CheckpointSaved, Finishing, Metrics, Note

LONG = {"max_steps": 1000, "save_steps": 0}
ANSWERING = {"max_steps": 1000, "save_steps": 0, "sample_steps": 0}

SAVES_ON_SIGTERM = """
import signal, sys, time
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--output_dir") + 1])

def end(*_):
    output.joinpath("config.json").write_text("{}")
    sys.exit(0)

signal.signal(signal.SIGTERM, end)
print('[log_data]: {"step": 1, "total": 60, "loss": 2.5}', flush=True)
time.sleep(1000)
"""
SAVES_NOTHING = """
import time
print('[log_data]: {"step": 1, "total": 60, "loss": 2.5}', flush=True)
time.sleep(1000)
"""


def finish_early(run) -> None:
    """Ask for it as soon as there is a first point."""
    with run.forked() as child:
        wait_for(lambda: run.events(Metrics) or child.poll() is not None)
        (run.path / FINISH).touch()
        assert child.wait(400) == 0, run.log


def check_early(run, last_step: int) -> None:
    (saved,) = run.events(CheckpointSaved)
    assert saved.step == last_step < 1000
    assert (run.ending().outcome, run.ending().early) == ("succeeded", True)
    assert len(run.events(Finishing)) == 1
    assert f"| Steps | {last_step} of 1,000: ended early on request" in (run.output / "README.md").read_text()
    command = [sys.executable, "-m", "training_methods.trainers", "load", run.output, "--base-model"]
    base = json.loads((run.path / "run.json").read_text())["base_model"]
    loaded = subprocess.run([*command, base], cwd=ROOT, capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr


@pytest.mark.parametrize("trainer", ["lora", "sft", "custom01"])
def test_it_ends_early_with_its_result_and_a_checkpoint(run_folder, trainer):
    settings = {"save_steps": 100_000} if trainer == "custom01" else {"save_steps": 0}
    run = run_folder(trainer, {"max_steps": 1000, **settings})

    finish_early(run)

    check_early(run, run.events(Metrics)[-1].step)


@pytest.mark.parametrize("trainer", ["grpo", "ppo"])
def test_a_model_that_answers_ends_early_too(run_of, trainer):  # noqa: F811
    settings = {name: value for name, value in SETTINGS.items() if trainer == "ppo" or name != "mini_batch_size"}
    run = run_of(ANSWERING, trainer=trainer, settings=settings)

    finish_early(run)

    check_early(run, run.events(Metrics)[-1].step)


def test_what_it_had_learnt_is_what_a_train_of_as_many_steps_learns(run_folder):
    steady = {"lr_scheduler": "constant_with_warmup", "warmup_ratio": 0.0}
    run = run_folder("lora", LONG | steady)
    finish_early(run)
    short = run_folder("lora", {**steady, "max_steps": run.events(CheckpointSaved)[0].step})

    assert short.perform() == 0, short.log

    weights = "adapter_model.safetensors"
    assert (run.output / weights).read_bytes() == (short.output / weights).read_bytes()


@pytest.mark.parametrize("pace", [{}, {"evaluation_steps": 100}])
def test_it_tells_whether_the_last_weights_are_the_best(run_folder, pace):
    run = run_folder("lora", {"max_steps": 1000, "evaluation_fraction": 0.25, "keep_best": True, **pace})

    finish_early(run)

    assert run.events(Note)[-1].text.startswith("Kept the weights of step ")
    last = run.events(Metrics)[-1]
    assert "eval_loss" in last.values and last.step == run.events(CheckpointSaved)[-1].step


def test_asked_before_it_begins_it_makes_a_step_and_ends(run_folder):
    run = run_folder("lora", LONG)
    (run.path / FINISH).touch()

    assert run.perform() == 0, run.log

    check_early(run, 1)


def test_a_script_that_saves_on_sigterm_leaves_its_result(run_folder, tmp_path):
    (tmp_path / "mine.py").write_text(SAVES_ON_SIGTERM)
    run = run_folder("mine", trainer_file=tmp_path / "mine.py")

    finish_early(run)

    assert (run.ending().outcome, run.ending().early) == ("succeeded", True)


def test_a_script_that_saves_nothing_has_stopped(run_folder, tmp_path):
    (tmp_path / "mine.py").write_text(SAVES_NOTHING)
    run = run_folder("mine", trainer_file=tmp_path / "mine.py")

    finish_early(run)

    assert (run.ending().outcome, run.ending().early) == ("stopped", True)
    assert "was asked to end (SIGTERM), and was ended by signal 15" in run.events(Note)[-1].text
