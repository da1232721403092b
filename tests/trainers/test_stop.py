from pathlib import Path

from tests.trainers.child import is_gone, wait_for
from training_methods.trainers.events import CheckpointSaved, Note

GRANDCHILD = 'import subprocess; run.note(str(subprocess.Popen(["sleep", "1000"]).pid)); import time; time.sleep(1000)'


def test_it_saves_a_checkpoint_when_stopped_and_goes_on_from_there(run_folder):
    run = run_folder("lora", {"max_steps": 1000})
    assert run.perform_and_stop(afresh=True) == 0, run.log

    assert run.ending().outcome == "stopped"
    saved = run.events(CheckpointSaved)[-1]
    assert list(run.output.iterdir()) == []
    resumed = run_folder("lora", {"max_steps": saved.step + 2}, resume_from=saved.path)
    assert resumed.perform(afresh=True) == 0, resumed.log
    assert len(resumed.losses()) == 2


def test_it_stops_a_recipe_of_your_own(run_folder):
    run = run_folder("custom01", {"epochs": 1000})

    assert run.perform_and_stop() == 0, run.log

    assert run.ending().outcome == "stopped"
    assert Path(run.events(CheckpointSaved)[-1].path).is_dir()


def test_who_wants_to_be_told_of_a_stop_is_told_of_one_that_came_before(run_folder, own_trainer):
    asked_early = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); run.when_stopped(lambda: run.note('told'))"
    run = run_folder("mine", trainer_file=own_trainer(asked_early))

    assert run.perform() == 0, run.log

    assert [note.text for note in run.events(Note)] == ["told"]


def test_it_ends_with_its_supervisor_and_takes_what_it_started_along(run_folder, own_trainer):
    run = run_folder("mine", trainer_file=own_trainer(GRANDCHILD))
    with run.started() as child:
        wait_for(lambda: run.events(Note))
        grandchild = int(run.events(Note)[0].text)

        child.stdin.close()

        child.wait(60)
    wait_for(lambda: is_gone(grandchild))
