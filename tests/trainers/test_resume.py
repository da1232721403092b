import pytest

from training_methods.trainers.events import CheckpointSaved


@pytest.mark.parametrize(
    ("trainer", "parameters"),
    [
        ("lora", {"dropout": 0.1, "learning_rate": 0.01, "epochs": 2, "save_steps": 8}),
        ("sft", {"learning_rate": 0.01, "epochs": 2, "save_steps": 8}),
        ("lora", {"learning_rate": 0.01, "epochs": 2, "save_steps": 8, "group_by_length": False}),
        ("custom01", {"learning_rate": 0.01, "epochs": 2, "save_steps": 8}),
    ],
    ids=["lora", "sft", "random", "custom01"],
)
def test_it_goes_on_from_a_checkpoint_as_if_nothing_had_happened(run_folder, trainer, parameters):
    whole = run_folder(trainer, parameters)
    assert whole.perform() == 0, whole.log
    first, *_ = whole.events(CheckpointSaved)

    resumed = run_folder(trainer, parameters, resume_from=first.path)
    assert resumed.perform() == 0, resumed.log

    assert first.step == 8
    assert resumed.points() == whole.points()[8:]
    (weights,) = whole.output.glob("*.safetensors")
    assert (resumed.output / weights.name).read_bytes() == weights.read_bytes()


DIES_WHILE_SAVING = """
from pathlib import Path
import os, signal
import transformers
from training_methods.trainers.lora import Lora

save = transformers.Trainer._save_optimizer_and_scheduler

def die_at_the_second(trainer, folder):
    if trainer.state.global_step == 6:
        (Path(folder) / "optimizer.pt").write_bytes(b"half of it")
        os.kill(os.getpid(), signal.SIGKILL)
    save(trainer, folder)
"""


def test_a_kill_in_the_midst_of_saving_leaves_the_checkpoint_before_it(run_folder, own_trainer):
    parameters = {"max_steps": 9, "save_steps": 3, "dropout": 0.1}
    whole = run_folder("lora", parameters)
    assert whole.perform() == 0, whole.log
    train = f"transformers.Trainer._save_optimizer_and_scheduler = die_at_the_second; Lora(**{parameters}).train(run)"
    run = run_folder("mine", trainer_file=own_trainer(train, before=DIES_WHILE_SAVING))

    assert run.perform(afresh=True) == -9, run.log

    (saved,) = run.events(CheckpointSaved)
    assert (saved.step, (run.checkpoints / "checkpoint-6").is_dir()) == (3, True)
    resumed = run_folder("lora", parameters, resume_from=saved.path)
    assert resumed.perform() == 0, resumed.log
    assert resumed.points() == whole.points()[3:]
    weights = "adapter_model.safetensors"
    assert (resumed.output / weights).read_bytes() == (whole.output / weights).read_bytes()
