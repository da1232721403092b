"""Checkpoints as records: what is noted of each, which stay once a job has ended, keeping and deleting them."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from django.db import connection

from tests.training_jobs.engine import LEARNS, job_of, queued_job, running_job
from tests.training_jobs.test_execution import own_data_dir, run  # noqa: F401 (a fixture)
from training_jobs import checkpoints, leases, run_folders
from training_jobs.checkpoints import NotNow
from training_jobs.models import Checkpoint, Status, TrainingJob
from training_methods.trainers.events import CheckpointSaved

pytestmark = pytest.mark.django_db(transaction=True)


def saved(job: TrainingJob, step: int, **fields) -> Checkpoint:
    """A checkpoint with its files, as if an attempt had just reported it."""
    folder = job.attempt_directory(1) / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"x" * step)
    given = {"attempt": 1, "step": step, "path": str(folder), "size_bytes": step, "saved_at": job.created_at}
    return Checkpoint.objects.create(job=job, **given | fields)


@pytest.fixture
def ended():
    """A job that ended, with five checkpoints whose evaluations say that the second is the best."""
    job, lease = running_job(stored_attempt=1)
    for step, loss in enumerate((0.9, 0.2, 0.5, 0.6, 0.7), 1):
        saved(job, step, metrics={"loss": 1 / step, "eval_loss": loss})
    leases.cancel(lease)
    return job


def steps(job: TrainingJob) -> list[int]:
    """Of those that are there, as records and as folders."""
    there = [one.step for one in job.checkpoints.there()]
    folders = [int(path.name.rpartition("-")[2]) for path in job.directory.rglob("checkpoint-*")]
    assert sorted(there) == sorted(folders)
    return sorted(there)


def test_one_that_its_trainer_removed_or_wrote_over_is_noted_as_gone():
    job, _ = running_job()
    rotated, latest = saved(job, 1), saved(job, 2)
    Path(rotated.path, "weights").unlink()
    Path(rotated.path).rmdir()

    checkpoints.store(job, 1, [CheckpointSaved(step=3, path=latest.path)], {})

    said = dict(job.checkpoints.exclude(deleted_at=None).values_list("step", "deleted_because"))
    assert said == {1: "removed by its trainer", 2: "written over"}
    assert run_folders.newest_checkpoint(job).step == 3


def test_an_ended_job_keeps_the_newest_the_best_and_the_kept(ended, settings):
    settings.CHECKPOINTS_KEPT = 1
    checkpoints.keep(ended.checkpoints.get(step=1))

    checkpoints.tidy(ended.pk)

    assert steps(ended) == [1, 2, 5]
    gone = ended.checkpoints.exclude(deleted_at=None)
    assert {one.deleted_because for one in gone} == {"not among the newest, the best and those to keep"}


def test_the_newest_stays_whatever_the_site_keeps(ended, settings):
    settings.CHECKPOINTS_KEPT = 0

    checkpoints.tidy(ended.pk)

    assert steps(ended) == [2, 5]


def test_it_is_applied_when_a_job_ends(data_dir):
    job = run(job_of(data_dir, parameters={"steps": 6}))

    assert steps(job) == [5, 6]
    assert job.is_tidy


def test_the_sweeper_does_it_where_the_worker_was_lost(ended):
    checkpoints.tidy_some()

    assert steps(ended) == [2, 4, 5]
    assert not TrainingJob.objects.ended().filter(is_tidy=False).exists()


def test_a_job_that_runs_or_was_resumed_is_left_alone(ended):
    leases.resume(ended.pk, by="maria")

    checkpoints.tidy(ended.pk)

    assert steps(ended) == [1, 2, 3, 4, 5]


def test_what_a_killed_training_was_writing_goes_too(ended):
    half = ended.attempt_directory(1) / "checkpoints" / "half-written"
    half.mkdir()

    checkpoints.tidy(ended.pk)

    assert not half.exists()


def test_what_an_attempt_said_that_nobody_has_read_yet_stays(ended):
    (ended.attempt_directory(1) / "events.jsonl").write_text("a line that is not stored\n")
    unread = ended.attempt_directory(1) / "checkpoints" / "checkpoint-6"
    unread.mkdir()

    checkpoints.tidy(ended.pk)

    assert unread.exists()


def test_what_a_later_attempt_said_that_nobody_has_read_yet_stays_too(ended):
    TrainingJob.objects.update(attempt=3, stored_attempt=2)
    half, unread = (ended.attempt_directory(number) / "checkpoints" / "checkpoint-6" for number in (1, 3))
    for folder in (half, unread):
        folder.mkdir(parents=True)

    checkpoints.tidy(ended.pk)

    assert (half.exists(), unread.exists()) == (False, True)


@pytest.mark.parametrize(("status", "stays"), [(Status.CANCELLED, True), (Status.SUCCEEDED, False)])
def test_what_it_began_at_stays_as_long_as_it_may_be_resumed(ended, status, stays):
    TrainingJob.objects.update(status=status)
    (ended.directory / "start").mkdir()

    checkpoints.tidy(ended.pk)

    assert (ended.directory / "start").exists() is stays


def test_one_that_lies_within_another_s_folder_does_not_go_with_it(ended):
    inner = Path(ended.checkpoints.get(step=1).path, "inner")
    inner.mkdir()
    Checkpoint.objects.create(job=ended, attempt=1, step=9, path=inner, size_bytes=1, saved_at=ended.created_at)

    checkpoints.tidy(ended.pk)

    assert inner.is_dir()


def test_what_lies_elsewhere_is_nobodys_to_delete(ended, tmp_path):
    elsewhere = saved(ended, 6)
    for step in (7, 8):
        saved(ended, step)
    Path(elsewhere.path).rename(tmp_path / "elsewhere")
    Checkpoint.objects.filter(pk=elsewhere.pk).update(path=str(tmp_path / "elsewhere"))
    elsewhere.refresh_from_db()

    checkpoints.tidy(ended.pk)

    assert elsewhere.is_there
    with pytest.raises(NotNow, match="outside the job's folder"):
        checkpoints.delete(elsewhere, by="maria")


def test_a_kept_one_survives_its_trainer_and_is_resumed_from():
    job, _ = running_job()
    first = saved(job, 1)
    checkpoints.keep(first)
    Path(first.path, "weights").unlink()
    Path(first.path).rmdir()

    checkpoints.store(job, 1, [], {})
    first.refresh_from_db()

    assert first.is_there and first.is_kept
    assert run_folders.start_of(job) == job.directory / "kept" / "attempt-1" / "checkpoint-1"


def test_two_may_keep_the_same_at_once(ended, monkeypatch):
    both_are_at_it = Barrier(2)

    def link_or_copy(source: str, target: str) -> None:
        both_are_at_it.wait(60)
        shutil.copy2(source, target)

    monkeypatch.setattr(checkpoints, "link_or_copy", link_or_copy)
    newest = ended.checkpoints.there().first()

    def keep() -> None:
        try:
            checkpoints.keep(newest)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for kept in [pool.submit(keep) for _ in range(2)]:
            kept.result()

    folder = ended.directory / "kept" / "attempt-1" / "checkpoint-5"
    assert [list(folder.parent.iterdir()), (folder / "weights").read_bytes()] == [[folder], b"xxxxx"]


def test_one_that_is_being_removed_cannot_be_kept(ended):
    half = ended.checkpoints.get(step=5)
    Path(half.path, "weights").unlink()

    with pytest.raises(NotNow, match="not complete any more"):
        checkpoints.keep(half)

    assert not half.is_kept


def test_one_that_is_gone_cannot_be_kept(ended):
    gone = ended.checkpoints.get(step=5)
    shutil.rmtree(gone.path)

    with pytest.raises(NotNow, match="step 5 is not there any more"):
        checkpoints.keep(gone)


def test_one_that_is_let_go_is_under_the_rule_again(ended):
    checkpoints.keep(ended.checkpoints.get(step=1))
    checkpoints.tidy(ended.pk)

    checkpoints.let_go(ended.checkpoints.get(step=1))

    checkpoints.tidy_some()
    assert steps(ended) == [2, 4, 5]


def test_one_of_a_deleted_job_cannot_be_deleted(ended):
    newest = ended.checkpoints.get(step=5)
    TrainingJob.objects.all().delete()

    with pytest.raises(NotNow, match="not there any more"):
        checkpoints.delete(newest, by="maria")


def test_deleting_says_by_whom_and_spares_what_a_running_job_needs():
    job, lease = running_job()
    oldest, *newest = [saved(job, step) for step in (1, 2, 3)]
    for one in newest:
        with pytest.raises(NotNow, match="may have to go on"):
            checkpoints.delete(one, by="maria")

    checkpoints.delete(oldest, by="maria")

    assert steps(job) == [2, 3]
    assert job.checkpoints.get(step=1).deleted_because == "deleted by maria"
    leases.cancel(lease)
    checkpoints.delete(newest[1], by="maria")
    assert run_folders.newest_checkpoint(job).step == 2


def test_a_folder_without_an_event_is_no_checkpoint(data_dir):
    dies = LEARNS.replace(
        "    run.checkpoint_saved", "    if step == 2: os.kill(os.getpid(), 9)\n        run.checkpoint_saved"
    )
    job = run(job_of(data_dir, dies))

    assert (job.attempt_directory(1) / "checkpoints" / "checkpoint-2").is_dir()
    assert run_folders.newest_checkpoint(job).step == 1


def test_a_second_name_takes_no_room(ended):
    newest = ended.checkpoints.there().first()

    checkpoints.keep(newest)

    newest.refresh_from_db()
    assert Path(newest.path, "weights").stat().st_nlink == 2


def test_a_disk_that_refuses_is_tried_again(ended, monkeypatch, caplog):
    monkeypatch.setattr(checkpoints, "remove", lambda one: (_ for _ in ()).throw(OSError("read-only")))

    checkpoints.tidy_some()

    ended.refresh_from_db()
    assert (ended.status, ended.is_tidy) == (Status.CANCELLED, False)
    assert "cannot be sorted out: read-only" in caplog.text


def test_a_job_without_any_is_tidy_at_once():
    job = queued_job(status=Status.CANCELLED)

    checkpoints.tidy_some()

    job.refresh_from_db()
    assert job.is_tidy
