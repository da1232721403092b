import pytest

from training_methods.trainers.events import CheckpointSaved, Metrics


@pytest.mark.parametrize(
    ("trainer", "parameters"),
    [
        ("lora", {"dropout": 0.1, "learning_rate": 0.01, "epochs": 2, "save_steps": 5}),
        ("sft", {"learning_rate": 0.01, "epochs": 2, "save_steps": 5}),
        ("custom01", {"learning_rate": 0.01, "epochs": 2, "save_steps": 5}),
    ],
    ids=["lora", "sft", "custom01"],
)
def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(run_folder, trainer, parameters):
    whole = run_folder(trainer, parameters)
    assert whole.perform() == 0, whole.log
    first, *_ = whole.events(CheckpointSaved)

    resumed = run_folder(trainer, parameters, resume_from=first.path)
    assert resumed.perform() == 0, resumed.log

    assert first.step == 5
    assert points(resumed) == points(whole)[5:]
    (weights,) = whole.output.glob("*.safetensors")
    assert (resumed.output / weights.name).read_bytes() == weights.read_bytes()


def points(run) -> list[tuple[int, dict[str, float | None]]]:
    return [(event.step, event.values) for event in run.events(Metrics)]
