"""A train that is made longer after its end: it goes on at the next step, in the order of rows it was in."""

import json
from pathlib import Path

import pytest

from tests.trainers.test_ppo import SETTINGS, outspoken_model, run_of, weights  # noqa: F401 (a model that answers)
from training_methods.trainers.events import CheckpointSaved, Note

# A rate that does not depend on where the end is, so that a longer train is the same up to there.
STEADY = {"lr_scheduler": "constant_with_warmup", "warmup_ratio": 0.0}


def extended(make, settings, short, total):
    """The same train at once to `total`, and one that is made longer."""
    whole, first = make(settings | {"max_steps": total}), make(settings | short)
    for run in (whole, first):
        assert run.perform() == 0, run.log
    last = first.events(CheckpointSaved)[-1]
    longer = make(settings | short | {"max_steps": total}, resume_from=last.path)
    assert longer.perform() == 0, longer.log
    return whole, first, longer, last.step


@pytest.mark.parametrize("trainer", ["lora", "sft"])
def test_it_is_as_if_it_had_been_so_long_from_the_start(run_folder, trainer):
    def make(parameters, **spec):
        return run_folder(trainer, parameters, **spec)

    dropout = {"dropout": 0.1} if trainer == "lora" else {}
    settings = {"learning_rate": 0.01, "save_steps": 5, **STEADY, **dropout}

    whole, first, longer, step = extended(make, settings, {"epochs": 2}, 17)

    assert step == 12 == first.points()[-1][0]
    assert first.points() == whole.points()[:12]
    assert longer.points() == whole.points()[12:]
    assert weights(longer) == weights(whole)


@pytest.mark.parametrize(("trainer", "short"), [("ppo", {"max_steps": 4}), ("grpo", {"max_steps": 4})])
def test_so_is_a_model_that_answers(run_of, trainer, short):  # noqa: F811
    known = {name: value for name, value in SETTINGS.items() if trainer == "ppo" or name != "mini_batch_size"}
    settings = known | {"save_steps": 3, "sample_steps": 0, **STEADY}

    def make(parameters, **spec):
        return run_of(parameters, trainer=trainer, settings=settings, **spec)

    whole, _, longer, step = extended(make, settings, short, 6)

    assert step == 4
    assert longer.points() == whole.points()[4:]
    assert weights(longer) == weights(whole)


def test_your_own_goes_on_too_and_its_rate_follows_the_new_end(run_folder):
    settings = {"learning_rate": 0.01, "epochs": 2, "save_steps": 5}
    first = run_folder("custom01", settings)
    assert first.perform() == 0, first.log
    last = first.events(CheckpointSaved)[-1]

    longer = run_folder("custom01", settings | {"max_steps": 15}, resume_from=last.path)
    assert longer.perform() == 0, longer.log

    assert [step for step, _ in longer.points()] == [13, 14, 15]
    assert longer.points()[0][1]["learning_rate"] == pytest.approx(0.01 * 3 / 15)


def test_the_rate_follows_the_new_end_from_its_first_step(run_folder):
    first = run_folder("lora", {"max_steps": 10, "warmup_ratio": 0.0, "save_steps": 10})
    assert first.perform() == 0, first.log
    last = first.events(CheckpointSaved)[-1]
    whole = run_folder("lora", {"max_steps": 20, "warmup_ratio": 0.0, "save_steps": 0})
    longer = run_folder("lora", {"max_steps": 20, "warmup_ratio": 0.0, "save_steps": 10}, resume_from=last.path)

    for run in (whole, longer):
        assert run.perform() == 0, run.log

    rates = [values["learning_rate"] for _, values in whole.points()]
    assert [values["learning_rate"] for _, values in longer.points()] == rates[10:]


def test_without_the_best_checkpoint_so_far_the_best_is_found_anew(run_folder):
    held_out = {"evaluation_fraction": 0.25, "keep_best": True}
    first = run_folder("lora", {"epochs": 1, **held_out})
    assert first.perform() == 0, first.log
    last = first.events(CheckpointSaved)[-1]
    state = Path(last.path) / "trainer_state.json"
    gone = {"best_model_checkpoint": str(first.path / "gone"), "best_global_step": 1, "best_metric": 0.0}
    state.write_text(json.dumps(json.loads(state.read_text()) | gone))

    longer = run_folder("lora", {"epochs": 2, **held_out}, resume_from=last.path)
    assert longer.perform() == 0, longer.log

    *_, missed, kept = [note.text for note in longer.events(Note)]
    assert missed == "The best checkpoint so far, of step 1, is not there any more."
    assert kept.startswith("Kept the weights of step ")


def test_the_best_checkpoint_so_far_may_lie_beside_the_one_it_begins_at(run_folder, tmp_path):
    held_out = {"evaluation_fraction": 0.25, "keep_best": True}
    first = run_folder("lora", {"epochs": 2, **held_out})
    assert first.perform() == 0, first.log
    best, last = (Path(saved.path) for saved in first.events(CheckpointSaved))
    for checkpoint in (best, last):
        checkpoint.rename(tmp_path / checkpoint.name)
    state = tmp_path / last.name / "trainer_state.json"
    unbeaten = {"best_global_step": int(best.name.rpartition("-")[2]), "best_metric": 0.0}
    state.write_text(json.dumps(json.loads(state.read_text()) | unbeaten))

    longer = run_folder("lora", {"epochs": 3, **held_out}, resume_from=tmp_path / last.name)
    assert longer.perform() == 0, longer.log

    weights = "adapter_model.safetensors"
    assert (longer.output / weights).read_bytes() == (tmp_path / best.name / weights).read_bytes()
