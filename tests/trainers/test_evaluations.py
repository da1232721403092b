"""Between epochs: sample answers, early stopping, the best weights."""

import pytest
from safetensors import safe_open

from training_methods.trainers.events import CheckpointSaved, Metrics, Note, Sample

# A rate at which the first epochs learn and the later ones make a mess of it, as the evaluation loss says.
RISING = {
    "epochs": 8,
    "learning_rate": 0.3,
    "lr_scheduler": "constant_with_warmup",
    "evaluation_fraction": 0.25,
    "rank": 4,
}


@pytest.mark.parametrize("trainer", ["sft", "lora"])
def test_it_answers_the_same_prompts_after_each_epoch(run_folder, trainer):
    prompts = "Who makes the kettle? | Where is Leeds?"
    run = run_folder(trainer, {"epochs": 2, "batch_size": 24, "sample_prompts": prompts})

    assert run.perform() == 0, run.log

    asked = [(sample.step, sample.prompt) for sample in run.events(Sample)]
    assert asked == [(step, prompt) for step in (1, 2) for prompt in ("Who makes the kettle?", "Where is Leeds?")]
    assert all(sample.answer for sample in run.events(Sample))
    assert '"padding_side": "left"' not in (run.output / "tokenizer_config.json").read_text()


def test_it_stops_early_and_keeps_the_best_weights(run_folder):
    run = run_folder("lora", {**RISING, "patience": 1})

    assert run.perform() == 0, run.log

    losses = {event.step: event.values["eval_loss"] for event in run.events(Metrics) if "eval_loss" in event.values}
    best = min(losses, key=lambda step: losses[step])
    assert len(losses) < 8
    assert best < max(losses)
    assert f"Kept the weights of step {best}," in run.events(Note)[-1].text
    saved = next(event.path for event in run.events(CheckpointSaved) if event.step == best)
    assert weights(run.output) == weights(saved)


def test_it_evaluates_and_answers_every_so_many_steps_and_at_the_end(run_folder):
    asked = {"evaluation_steps": 2, "evaluation_fraction": 0.25, "keep_best": True, "sample_prompts": "Who?"}
    run = run_folder("lora", {"max_steps": 5, **asked})

    assert run.perform() == 0, run.log

    steps = [event.step for event in run.events(Metrics) if "eval_loss" in event.values]
    assert steps == [sample.step for sample in run.events(Sample)] == [2, 4, 5]
    assert [event.step for event in run.events(CheckpointSaved)] == steps


def test_without_that_it_saves_by_the_step_and_rates_its_last_weights_after_the_epoch(run_folder):
    run = run_folder("lora", {"epochs": 1, "evaluation_fraction": 0.25, "batch_size": 24, "save_steps": 1})

    assert run.perform() == 0, run.log

    (saved,) = run.events(CheckpointSaved)
    (rated,) = [event for event in run.events(Metrics) if "eval_loss" in event.values]
    assert rated.step == saved.step
    assert rated.at >= saved.at


def test_it_keeps_the_best_of_the_network_of_p_tuning(run_folder):
    run = run_folder("prompt-tuning", {"variant": "p-tuning", "evaluation_fraction": 0.25, "keep_best": True})

    assert run.perform() == 0, run.log

    best = run.events(Note)[-1].text.split("step ")[1].split(",")[0]
    assert weights(run.output) == weights(run.checkpoints / f"checkpoint-{best}")


def test_it_needs_rows_to_evaluate(run_folder):
    run = run_folder("sft", {"keep_best": True})

    assert run.perform() == 1

    assert run.ending().message.startswith("The best weights are told by an evaluation, and no rows are held out")


def weights(folder) -> dict[str, list]:
    with safe_open(f"{folder}/adapter_model.safetensors", "numpy") as file:
        return {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118 (it is no dict)


def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(run_folder):
    parameters = {**RISING, "variant": "pissa", "epochs": 2, "keep_best": True, "sample_prompts": "Where is Leeds?"}
    whole = run_folder("lora", parameters)
    assert whole.perform() == 0, whole.log
    first, *_ = whole.events(CheckpointSaved)

    resumed = run_folder("lora", parameters, resume_from=first.path)
    assert resumed.perform() == 0, resumed.log

    assert points(resumed) == [point for point in points(whole) if point[0] > first.step]
    assert weights(resumed.output) == weights(whole.output)


def points(run) -> list[tuple[int, object]]:
    metrics = [(event.step, event.values) for event in run.events(Metrics)]
    return metrics + [(event.step, event.answer) for event in run.events(Sample)]
