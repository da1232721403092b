"""Ending a job early: with its result, with a checkpoint, or at once. Real children in the test's own thread."""

from pathlib import Path

import pytest

from tests.training_jobs.engine import LEARNS, has_gone, job_of, let_lease_run_out, running_job, wait_for, write_trainer
from tests.training_jobs.test_execution import Running, kinds, own_data_dir, run, start  # noqa: F401 (fixtures)
from training_jobs import leases, metrics
from training_jobs.models import Status, TrainingJob

pytestmark = pytest.mark.django_db(transaction=True)

# Learns step by step, and ends early with its result when it is asked to.
HEARS = LEARNS.replace("if run.stop_requested:", "if run.finish_requested: break\n        if run.stop_requested:")
DEAF = """
    print(f"pid {os.getpid()}")
    run.metrics(1, 9, loss=1.0)
    while not run.stop_requested:
        time.sleep(0.05)
    folder = run.checkpoints / "checkpoint-1"
    folder.mkdir()
    (folder / "step").write_text("1")
    run.checkpoint_saved(1, folder)
"""
SAVES_FOR_EVER = """
    print(f"pid {os.getpid()}")
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(1000)
"""
LONG = {"steps": 1000, "pause": 0.05}


def reached_a_step(job: TrainingJob) -> int:
    return wait_for(lambda: TrainingJob.objects.values_list("step", flat=True).get(pk=job.pk))


def test_it_ends_early_with_its_result_and_says_so(data_dir, start):  # noqa: F811
    running = start(job_of(data_dir, HEARS, parameters=LONG))
    reached_a_step(running.job)

    assert leases.request_finish(running.job.pk, by="maria")

    job = running.ended()
    assert (job.status, job.failure, job.stopped_at) == (Status.SUCCEEDED, None, job.step)
    assert job.stopped_early == f"Stopped at step {job.step} of 1,000 on request of maria"
    assert job.percent < 100
    assert Path(job.customized_model.path, "config.json").exists()
    assert {"finish-requested", "stopping"} < set(kinds(job))


def test_a_request_that_comes_at_the_last_step_changes_nothing(data_dir):
    asks = HEARS.replace("run.metrics", '(run.directory / "finish").touch()\n        run.metrics', 1)

    job = run(job_of(data_dir, asks, parameters={"steps": 1}))

    assert (job.status, job.stopped_at, job.stopped_early) == (Status.SUCCEEDED, None, "")


def test_a_training_that_never_hears_is_cancelled_with_its_checkpoint(data_dir, start, settings):  # noqa: F811
    settings.FINISH_SECONDS = 0.5
    running = start(job_of(data_dir, DEAF))
    child = running.child()

    leases.request_finish(running.job.pk, by="maria")

    job = running.ended()
    assert (job.status, job.checkpoints.get().step) == (Status.CANCELLED, 1)
    assert "did not hear of it" in job.failure["message"]
    assert has_gone(child)


def test_a_training_that_heard_and_leaves_nothing_is_cancelled(data_dir, start):  # noqa: F811
    leaves = "run.metrics(1, 9, loss=1.0)\nwhile not run.finish_requested: time.sleep(0.05)"
    running = start(job_of(data_dir, leaves))
    reached_a_step(running.job)

    leases.request_finish(running.job.pk, by="maria")

    job = running.ended()
    assert job.status == Status.CANCELLED
    assert job.failure["message"].endswith("asked to end here with its result, and left none.")


def test_a_cancel_overtakes_it(data_dir, start):  # noqa: F811
    running = start(job_of(data_dir, DEAF))
    running.child()
    leases.request_finish(running.job.pk, by="maria")

    assert leases.request_cancel(running.job.pk, by="boss")

    job = running.ended()
    assert (job.status, job.failure, job.stop_asked_by) == (Status.CANCELLED, None, "boss")


def test_stop_now_waits_for_nothing(data_dir, start):  # noqa: F811
    running = start(job_of(data_dir, SAVES_FOR_EVER))
    child = running.child()

    assert leases.request_kill(running.job.pk, by="maria")

    assert running.ended().status == Status.CANCELLED
    assert has_gone(child)


def test_stop_now_overtakes_a_cancel(data_dir, start):  # noqa: F811
    running = start(job_of(data_dir, SAVES_FOR_EVER))
    child = running.child()
    leases.request_cancel(running.job.pk, by="maria")
    assert wait_for(lambda: "stopping" in kinds(running.job))

    assert leases.request_kill(running.job.pk, by="maria")

    assert running.ended().status == Status.CANCELLED
    assert has_gone(child)


def test_after_a_drain_the_next_worker_ends_it_with_its_result(data_dir, start):  # noqa: F811
    slow = HEARS.replace("if run.finish_requested: break", "if run.resume_from and run.finish_requested: break")
    running = start(job_of(data_dir, slow, parameters=LONG))
    reached_a_step(running.job)
    leases.request_finish(running.job.pk, by="maria")
    running.draining.set()
    assert running.ended().status == Status.QUEUED

    job = run(running.job)

    assert (job.status, job.attempt, job.stopped_at) == (Status.SUCCEEDED, 2, job.step)
    assert metrics.read(job.pk).curves["loss"].steps == list(range(1, job.step + 1))


def test_after_a_lost_worker_it_ends_with_what_was_saved(data_dir):
    dies = LEARNS.replace("if run.stop_requested:", "if step == 3:").replace("return", "os.kill(os.getpid(), 9)")
    job = run(job_of(data_dir, dies, parameters=LONG))
    assert job.status == Status.QUEUED
    write_trainer(data_dir / "trainers", "learner", HEARS)

    assert leases.request_finish(job.pk, by="maria")

    job = run(job)
    assert (job.status, job.attempt, job.stopped_at) == (Status.SUCCEEDED, 2, 4)


def test_with_nothing_saved_there_is_nothing_to_end_with():
    job, _ = running_job()
    leases.request_finish(job.pk, by="maria")
    let_lease_run_out(job)
    leases.reap()

    job = run(job)

    assert (job.status, job.attempt) == (Status.CANCELLED, 2)
    assert "nothing had been saved yet" in job.failure["message"]
