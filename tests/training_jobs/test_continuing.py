"""Going on with a job that has ended: resumed, made longer, begun again from a checkpoint."""

import shutil
from pathlib import Path

import pytest

from tests.training_jobs.engine import LEARNS, claim, inputs, run_now
from tests.training_jobs.test_execution import own_data_dir  # noqa: F401 (a fixture)
from training_jobs import continuing, deletion, metrics, run_folders
from training_jobs.continuing import Prospects
from training_jobs.models import Status, TrainingJob
from training_jobs.submission import Refused, submit

pytestmark = pytest.mark.django_db(transaction=True)

# As LEARNS, with a setting for its number of steps, and a failure that somebody mends in the midst of it.
FAILS = 'if step == 3 and not (run.base_model / "mended").exists(): raise TrainingError("Broken.")'
LONGER = LEARNS.replace("self.steps", "self.max_steps").replace("if run.stop", f"{FAILS}\n        if run.stop")


@pytest.fixture
def chosen(data_dir):
    given = inputs(data_dir, LONGER)
    file = data_dir / "trainers" / "learner.py"
    file.write_text(file.read_text().replace("steps: int = 3", "max_steps: int = 6"))
    given["method"].config = {"parameters": {"max_steps": {"default": 6, "maximum": 100}}}
    given["method"].save()
    return given


@pytest.fixture
def failed(chosen) -> TrainingJob:
    return run(submit(**chosen, values={}))


@pytest.fixture
def succeeded(chosen, data_dir) -> TrainingJob:
    (data_dir / "base" / "mended").touch()
    return run(submit(**chosen, values={}))


def run(job: TrainingJob) -> TrainingJob:
    run_now(job)
    job.refresh_from_db()
    return job


def curve(job: TrainingJob) -> list[int]:
    return metrics.read(job.pk).curves["loss"].steps


def test_a_failed_job_goes_on_from_its_newest_checkpoint(failed, data_dir):
    assert (failed.status, Prospects(failed).start_step) == (Status.FAILED, 3)
    (data_dir / "base" / "mended").touch()

    assert continuing.resume(failed, by="maria")

    job = run(failed)
    assert (job.status, job.attempt, job.failure) == (Status.SUCCEEDED, 2, None)
    assert curve(job) == [1, 2, 3, 4, 5, 6]


def test_without_a_checkpoint_it_starts_anew(failed, data_dir):
    (data_dir / "base" / "mended").touch()
    shutil.rmtree(failed.attempt_directory(1) / "checkpoints")
    assert Prospects(failed).start_step == 0

    continuing.resume(failed, by="maria")

    assert (run(failed).status, curve(failed)) == (Status.SUCCEEDED, [1, 2, 3, 4, 5, 6])


def test_it_does_so_without_its_method(failed, chosen, data_dir):
    chosen["method"].delete()
    (data_dir / "base" / "mended").touch()
    failed.refresh_from_db()

    continuing.resume(failed, by="maria")

    assert run(failed).status == Status.SUCCEEDED
    longer = run(continuing.go_on(failed, Prospects(failed).newest, steps=2, name="more"))
    assert (longer.status, longer.method, longer.method_snapshot["display_name"]) == (Status.SUCCEEDED, None, "Learn")


def test_what_is_gone_is_said_before_it_is_tried(failed, data_dir):
    (data_dir / "rows.jsonl").unlink()

    with pytest.raises(Refused, match="The dataset “rows” is not at"):
        continuing.resume(failed, by="maria")


def test_a_trainer_that_is_gone_cannot_go_on(failed, data_dir):
    (data_dir / "trainers" / "learner.py").unlink()

    assert Prospects(failed).why_not_resumed == "Its trainer “learner” is not here any more."


def test_a_script_is_not_resumed(failed, data_dir):
    (data_dir / "trainers" / "learner.py").write_text("print('no trainer class')")

    assert "A script keeps no checkpoint" in Prospects(failed).why_not_resumed
    assert "A script keeps no checkpoint" in Prospects(failed).why_not_continued


def test_one_that_was_cancelled_is_resumed_too(failed):
    failed.status = Status.CANCELLED

    assert Prospects(failed).why_not_resumed == ""


def test_only_what_came_to_nothing_is_resumed(succeeded):
    with pytest.raises(Refused, match="Only a train that failed or was cancelled"):
        continuing.resume(succeeded, by="maria")


def test_a_job_is_made_longer_by_a_new_one(succeeded, expert):
    new = continuing.go_on(succeeded, Prospects(succeeded).newest, steps=4, name="more", user=expert)

    assert (new.continues, new.created_by, new.step, new.total_steps) == (succeeded, expert, 6, 10)
    assert new.parameters == succeeded.parameters | {"max_steps": 10}
    assert (new.changed_parameters, new.default_parameters) == (["max_steps"], {"max_steps": 6})
    assert (run(new).status, curve(new)) == (Status.SUCCEEDED, [7, 8, 9, 10])
    assert new.customized_model.name != succeeded.customized_model.name
    assert not (new.directory / "start").exists()


def test_it_keeps_the_defaults_of_what_was_changed_before(chosen, data_dir):
    (data_dir / "base" / "mended").touch()
    first = run(submit(**chosen, values={"max_steps": 7}))
    same = continuing.go_on(first, first.checkpoints.get(step=6), name="same")

    longer = continuing.go_on(first, Prospects(first).newest, steps=4, name="more")

    assert same.default_parameters == longer.default_parameters == {"max_steps": 6}


def test_it_begins_at_any_checkpoint_that_is_there(succeeded):
    new = continuing.go_on(succeeded, succeeded.checkpoints.get(step=5), steps=1, name="again")

    assert (run(new).status, curve(new), new.parameters["max_steps"]) == (Status.SUCCEEDED, [6], 6)


def test_it_does_not_need_the_first_one_any_more(succeeded):
    new = continuing.go_on(succeeded, Prospects(succeeded).newest, steps=1, name="more")
    shutil.rmtree(succeeded.directory)
    succeeded.delete()

    new.refresh_from_db()

    assert (run(new).status, new.continues) == (Status.SUCCEEDED, None)
    assert new.start_checkpoint["job"] == succeeded.name


def test_nor_does_the_first_one_need_the_new_one(succeeded):
    new = continuing.go_on(succeeded, Prospects(succeeded).newest, steps=1, name="more")
    shutil.rmtree(new.directory)
    new.delete()

    assert Prospects(succeeded).newest.is_there


def test_without_its_start_it_says_so(succeeded):
    new = continuing.go_on(succeeded, Prospects(succeeded).newest, steps=1, name="more")
    shutil.rmtree(new.directory)

    assert run(new).failure["message"].startswith("The checkpoint that this train goes on from is not at")


def test_the_best_checkpoint_comes_along(succeeded):
    newest = Prospects(succeeded).newest
    best = succeeded.checkpoints.get(step=5)
    Path(newest.path, "trainer_state.json").write_text(f'{{"best_model_checkpoint": "{best.path}"}}')
    newest.size_bytes += Path(newest.path, "trainer_state.json").stat().st_size

    new = continuing.go_on(succeeded, newest, steps=1, name="more")

    assert sorted(path.name for path in (new.directory / "start").iterdir()) == ["checkpoint-5", "checkpoint-6"]


@pytest.mark.parametrize(
    ("steps", "field", "sentence"),
    [(0, "steps", "At least one step"), (95, "steps", "100"), (10**12, "steps", "steps in all")],
)
def test_the_bounds_of_its_method_hold(succeeded, steps, field, sentence):
    with pytest.raises(Refused) as refused:
        continuing.go_on(succeeded, Prospects(succeeded).newest, steps=steps, name="more")

    assert sentence in refused.value.mistakes[field]
    assert TrainingJob.objects.count() == 1


def test_a_checkpoint_that_is_gone_is_refused(succeeded):
    newest = Prospects(succeeded).newest
    shutil.rmtree(newest.path)

    with pytest.raises(Refused) as refused:
        continuing.go_on(succeeded, newest, steps=2, name="not a name!")

    assert refused.value.mistakes.keys() == {"checkpoint", "name"}


def test_what_comes_to_nothing_leaves_no_folder(succeeded):
    newest = Prospects(succeeded).newest
    Path(newest.path, "step").unlink()

    with pytest.raises(Refused, match="not complete any more"):
        continuing.go_on(succeeded, newest, steps=2, name="more")

    assert list(succeeded.directory.parent.iterdir()) == [succeeded.directory]


def test_a_trainer_without_the_setting_is_not_made_longer(data_dir):
    job = run(submit(**inputs(data_dir), values={"steps": 3}))

    prospects = Prospects(job)

    assert "has no setting “max_steps”" in prospects.why_not_longer
    again = continuing.go_on(job, job.checkpoints.get(step=2), name="again")
    assert (run(again).status, curve(again), again.parameters) == (Status.SUCCEEDED, [3], job.parameters)
    with pytest.raises(Refused, match="at its last step there"):
        continuing.go_on(job, job.checkpoints.get(step=3), name="again")


def test_fixed_steps_stay_fixed(succeeded):
    succeeded.method_snapshot["config"] = {"parameters": {"max_steps": {"default": 6, "locked": True}}}

    assert Prospects(succeeded).why_not_longer == "Its method has fixed “max_steps”."


def test_a_job_that_runs_cannot_be_gone_on_with(chosen):
    job = submit(**chosen, values={})
    claim(job.pk, "me")
    job.refresh_from_db()

    assert Prospects(job).why_not_continued == "The train has not ended yet."


def test_a_waiting_job_needs_nothing_of_the_deleted_one_that_it_continues(succeeded):
    waiting = continuing.go_on(succeeded, Prospects(succeeded).newest, steps=2, name="more")

    deletion.delete(succeeded, user=None)
    waiting.refresh_from_db()

    assert not succeeded.directory.exists()
    assert (run(waiting).status, curve(waiting)) == (Status.SUCCEEDED, [7, 8])


def test_a_running_job_neither(succeeded):
    running = continuing.go_on(succeeded, Prospects(succeeded).newest, steps=2, name="more")
    claim(running.pk, "me")
    start = run_folders.start_of(running)

    deletion.delete(succeeded, user=None)

    assert all(file.stat().st_size for file in start.rglob("*") if file.is_file()) and any(start.iterdir())
    assert run_folders.missing_input(running) is None
