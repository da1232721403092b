"""How good a checkpoint is: what the curves said at its step, and which is the best."""

import pytest

from tests.training_jobs.engine import job_of, running_job
from tests.training_jobs.test_checkpoints import own_data_dir, run, saved  # noqa: F401 (a fixture)
from training_jobs import checkpoints
from training_jobs.models import Checkpoint
from training_methods.trainers.events import CheckpointSaved, Event, Metrics

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_notes_step_size_and_what_the_curves_said(data_dir):
    job = run(job_of(data_dir, parameters={"steps": 2}))

    newest = job.checkpoints.there().first()

    assert (newest.step, newest.attempt, newest.size_bytes, newest.metrics) == (2, 1, 1, {"loss": 0.5})
    assert newest.is_there


def test_an_evaluation_counts_at_its_own_step_alone():
    job, _ = running_job()
    folder = job.attempt_directory(1) / "checkpoints"
    points = [Metrics(step=1, values={"eval_loss": 0.5, "loss": 2.0, "grad_norm": 1.0}), Metrics(step=2, values={})]
    for step in (1, 2):
        (folder / str(step)).mkdir(parents=True)
    events = [points[0], *(CheckpointSaved(step=step, path=str(folder / str(step))) for step in (1, 2))]

    checkpoints.store(job, 1, events, {})

    second, first = job.checkpoints.all()
    assert (first.metrics, second.metrics) == ({"eval_loss": 0.5, "loss": 2.0}, {"loss": 2.0})


@pytest.mark.parametrize("batches", [1, 4])
def test_an_evaluation_that_follows_the_save_counts_too(batches):
    """As LoRA reports with save_steps 2, 4 steps an epoch and rows held out: at an epoch's end it has saved before."""
    job, _ = running_job()
    folder = job.attempt_directory(1) / "checkpoints"
    events: list[Event] = []
    for step, loss in ((2, None), (4, 0.6), (6, None), (8, 0.4)):
        (folder / str(step)).mkdir(parents=True)
        events += [
            Metrics(step=step, values={"loss": 1 / step}),
            CheckpointSaved(step=step, path=str(folder / str(step))),
        ]
        events += [Metrics(step=step, values={"eval_loss": loss})] if loss else []
    size, reported = len(events) // batches, {}

    for start in range(0, len(events), size):
        checkpoints.store(job, 1, events[start : start + size], reported)

    found = job.checkpoints.order_by("step")
    assert [one.metrics.get("eval_loss") for one in found] == [None, 0.6, None, 0.4]
    assert checkpoints.rating(list(found)) == "eval_loss"


@pytest.mark.parametrize(("step", "loss"), [(1, None), (3, 0.5)])
def test_a_loss_without_a_number_or_of_a_later_step_says_nothing_of_it(step, loss):
    job, _ = running_job()
    folder = job.attempt_directory(1) / "checkpoints" / "2"

    checkpoints.store(
        job, 1, [Metrics(step=step, values={"loss": loss}), CheckpointSaved(step=2, path=str(folder))], {}
    )

    assert job.checkpoints.get().metrics == {}


@pytest.mark.parametrize(("attempt", "loss"), [(2, 0.1), (1, None)])
def test_an_evaluation_of_another_attempt_or_without_a_number_says_nothing_of_it(attempt, loss):
    job, _ = running_job()
    saved(job, 2)

    checkpoints.store(job, attempt, [Metrics(step=2, values={"eval_loss": loss})], {})

    assert job.checkpoints.get().metrics == {}


@pytest.mark.parametrize(
    ("metrics", "best"),
    [
        ([{"eval_loss": 1, "eval_reward": 1}, {"eval_loss": 2, "eval_reward": 2}], 1),
        ([{"eval_loss": 1, "reward": 1}, {"eval_loss": 2, "reward": 2}], 0),
        ([{"reward": 2, "loss": 2}, {"reward": 1, "loss": 1}], 0),
        ([{"loss": 2}, {}, {"loss": 1}], 2),
    ],
)
def test_the_best_has_the_highest_reward_or_the_lowest_loss_and_evaluations_come_first(metrics, best):
    found = [Checkpoint(step=step, metrics=values) for step, values in enumerate(metrics)]

    assert checkpoints.best_of(found).step == best


@pytest.mark.parametrize("noted", ["{", "[]", "{}", '{"best_model_checkpoint": "/nowhere/checkpoint-1"}'])
def test_it_finds_no_best_one_where_none_is_noted(tmp_path, noted):
    (tmp_path / "trainer_state.json").write_text(noted)

    assert checkpoints.best_beside(tmp_path) is None
