"""One attempt of a job, with a real child: what is kept of it, and how it is settled."""

import json
import os
import signal
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from tests.training_jobs.engine import (
    LEARNS,
    WRITES_PID_AND_WAITS,
    claim,
    has_gone,
    job_of,
    let_lease_run_out,
    run_now,
    wait_for,
    written_pid,
)
from training_jobs import checkpoints, execution, leases, logs, metrics, reports, run_folders
from training_jobs.models import CustomizedModel, Status, TrainingJob
from training_methods.trainers.events import CheckpointSaved, Finished, Metrics, Note
from training_methods.trainers.keeper import clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_data_dir(data_dir):
    """Every job writes below it."""


class Running:
    """A job that runs in a thread of the test."""

    def __init__(self, pool: ThreadPoolExecutor, job: TrainingJob) -> None:
        self.job = job
        self.draining = Event()
        self.done = pool.submit(self.run)

    def run(self) -> None:
        try:
            run_now(self.job, self.draining)
        finally:
            connection.close()

    def child(self) -> int:
        """The child's process id, as it printed it."""
        return written_pid(self.job)

    def ended(self) -> TrainingJob:
        self.done.result(timeout=90)
        self.job.refresh_from_db()
        return self.job


@pytest.fixture
def start():
    with ThreadPoolExecutor() as pool:
        yield lambda job: Running(pool, job)


def run(job: TrainingJob, *, draining: bool = False) -> TrainingJob:
    flag = Event()
    if draining:
        flag.set()
    run_now(job, flag)
    job.refresh_from_db()
    return job


def kinds(job: TrainingJob) -> list[str]:
    return list(job.events.values_list("kind", flat=True))


def test_it_runs_a_job_to_its_end(data_dir):
    job = run(job_of(data_dir, parameters={"steps": 4}))

    assert (job.status, job.failure, job.step, job.total_steps) == (Status.SUCCEEDED, None, 4, 4)
    assert job.latest_metrics == {"loss": 0.25}
    assert metrics.read(job.pk).curves["loss"].steps == [1, 2, 3, 4]
    assert kinds(job) == ["claimed", "checkpoint", "checkpoint", "checkpoint", "checkpoint"]
    assert job.finished_at >= job.started_at


def test_it_makes_the_output_a_customized_model(data_dir):
    job = run(job_of(data_dir, name="my-train"))

    model = job.customized_model
    assert model.name == f"base_my-train_{job.created_at:%Y%m%d}_{str(job.pk)[:4]}"
    assert (model.kind, model.base_model_name, model.size_bytes) == (CustomizedModel.Kind.COMPLETE, "base", 2)
    assert (data_dir / "models" / model.name / "config.json").read_text() == "{}"
    assert not (job.directory / "attempt-1" / "output").exists()


def test_it_makes_a_folder_name_of_any_base_model_name(data_dir):
    job = job_of(data_dir)
    job.base_model_snapshot["name"] = "../org/" + "模" * 90
    job.save()

    name = run(job).customized_model.name

    assert name.startswith("org-模") and name.endswith(f"_{job.created_at:%Y%m%d}_{str(job.pk)[:4]}")
    assert Path(job.customized_model.path).parent == data_dir / "models"


def test_it_leaves_alone_a_job_that_is_taken(data_dir):
    job = job_of(data_dir)
    claim(job.pk, "another")

    assert run(job).owner == "another"


def test_it_keeps_the_words_of_a_trainer_that_fails(data_dir):
    job = run(job_of(data_dir, 'raise TrainingError("The loss exploded.", "Lower the rate.")'))

    assert job.status == Status.FAILED
    assert (job.failure["message"], job.failure["hint"]) == ("The loss exploded.", "Lower the rate.")
    assert not CustomizedModel.objects.exists()


def test_it_tries_again_when_the_child_was_killed_but_not_for_ever(data_dir):
    job = job_of(data_dir, "print('about to die', flush=True); os.kill(os.getpid(), 9)")
    assert [run(job).status, run(job).status] == [Status.QUEUED, Status.QUEUED]

    run(job)

    assert job.status == Status.FAILED
    assert "killed from outside (SIGKILL). That was interruption 3 in a row" in job.failure["message"]
    assert job.failure["hint"].startswith("Look whether the machine ran out of memory")
    assert job.failure["evidence"].endswith("about to die")


def test_it_does_not_give_up_a_job_that_gets_on(data_dir):
    dies = LEARNS.replace("if run.stop_requested:", "if step < 5:").replace("return", "os.kill(os.getpid(), 9)")
    job = job_of(data_dir, dies, parameters={"steps": 5})

    statuses = [run(job).status for _ in range(5)]

    assert statuses == [Status.QUEUED] * 4 + [Status.SUCCEEDED]
    assert metrics.read(job.pk).curves["loss"].steps == [1, 2, 3, 4, 5]


def test_it_says_when_what_it_starts_from_is_gone(data_dir):
    job = job_of(data_dir)
    Path(job.dataset_snapshot["path"]).unlink()

    assert run(job).failure["message"] == f"The dataset “rows” is not at {data_dir}/rows.jsonl any more."


def test_it_says_when_code_changed_after_it_was_submitted(data_dir):
    job = job_of(data_dir)
    rewards = data_dir / "trainers" / "rewards.py"
    rewards.write_text("def polite(completion, row): return 1.0")
    job.method_snapshot |= {"code_hash": "a" * 64, "rewards_hash": run_folders.hash_of(rewards)}
    job.save()
    unchanged = list(run_folders.changed_code(job))[1:]
    rewards.unlink()

    notes = [event.data["text"] for event in run(job).events.filter(kind="note")]

    now = run_folders.hash_of(data_dir / "trainers" / "learner.py")[:12]
    assert unchanged == []
    assert notes == [
        f"The code of the trainer learner changed after the job was submitted: it was aaaaaaaaaaaa, and runs as {now}.",
        "The file of the site's own rewards changed after the job was submitted: "
        f"it was {job.method_snapshot['rewards_hash'][:12]}, and is gone.",
    ]


def test_it_keeps_what_a_database_cannot_store_as_it_is(data_dir):
    job = run(job_of(data_dir, '    run.note("a\\0b"); run.metrics(1, loss=float("nan"))' + LEARNS))

    assert job.status == Status.SUCCEEDED
    assert job.events.get(kind="note").data == {"text": "a�b"}
    assert metrics.read(job.pk).curves["loss"].values[0] is None


@pytest.mark.parametrize("step", [-1, 10**30])
def test_it_passes_over_a_step_that_a_database_cannot_count(data_dir, step):
    line = json.dumps({"kind": "metrics", "step": step, "values": {}})  # past `run.metrics`, which refuses it
    body = f"""    with (run.directory / "events.jsonl").open("a") as events: events.write({line!r} + chr(10))"""
    job = run(job_of(data_dir, body + LEARNS))

    assert (job.status, job.step) == (Status.SUCCEEDED, 3)
    assert "is no event" in job.events.get(kind="note").data["text"]


def test_it_stops_a_job_that_is_cancelled(data_dir, start):
    running = start(job_of(data_dir, WRITES_PID_AND_WAITS))
    child = running.child()

    leases.request_cancel(running.job.pk)

    job = running.ended()
    assert (job.status, kinds(job)) == (Status.CANCELLED, ["claimed", "stopping"])
    assert has_gone(child)


def test_it_hands_a_job_back_when_the_worker_leaves_and_goes_on_from_the_checkpoint(data_dir, start):
    waits = "while step == 3 and not run.resume_from and not run.stop_requested: time.sleep(0.05)"
    job = job_of(data_dir, LEARNS.replace("time.sleep(self.pause)", waits), parameters={"steps": 6})
    running = start(job)
    assert wait_for(lambda: TrainingJob.objects.get(pk=job.pk).step >= 2, 90)
    running.draining.set()
    assert running.ended().status == Status.QUEUED

    job = run(job)

    assert (job.status, job.attempt) == (Status.SUCCEEDED, 2)
    assert metrics.read(job.pk).curves["loss"].steps == [1, 2, 3, 4, 5, 6]
    assert kinds(job).count("checkpoint") == 6
    assert {"released", "resumed"} <= set(kinds(job))


def test_it_ends_the_child_of_a_job_that_was_given_to_another(data_dir, start):
    running = start(job_of(data_dir, WRITES_PID_AND_WAITS))
    child = running.child()

    let_lease_run_out(running.job)
    leases.reap()
    claim(running.job.pk, "another")

    job = running.ended()
    assert (job.status, job.owner, job.attempt) == (Status.RUNNING, "another", 2)
    assert has_gone(child)


def test_it_counts_a_job_as_succeeded_that_ended_before_it_heard_of_a_cancel(data_dir, start):
    deaf = LEARNS.replace("run.stop_requested", "False") + "    run.stop_requested = False\n"
    running = start(job_of(data_dir, WRITES_PID_AND_WAITS + deaf))
    running.child()

    leases.request_cancel(running.job.pk)

    assert running.ended().status == Status.SUCCEEDED


def test_it_hands_a_job_back_when_the_machine_shuts_down(data_dir, start):
    running = start(job_of(data_dir, WRITES_PID_AND_WAITS))

    os.kill(running.child(), signal.SIGTERM)
    running.draining.set()

    assert running.ended().status == Status.QUEUED


def test_it_stops_a_job_at_its_time_limit(data_dir):
    job = job_of(data_dir, WRITES_PID_AND_WAITS)
    job.method_snapshot["config"] = {"resources": {"time_limit_minutes": 1}}
    job.save()
    attempt = execution.Attempt(claim(job.pk, "me"), Event(), claimed=clock())
    attempt.started -= 60

    attempt.run(threads=1)

    job.refresh_from_db()
    assert job.failure["message"] == "The training was stopped at its time limit of 1 minutes."


@pytest.mark.parametrize(("resumed", "status"), [(False, Status.FAILED), (True, Status.SUCCEEDED)])
def test_its_time_limit_is_for_all_attempts_until_somebody_resumes_it(data_dir, resumed, status):
    job = job_of(data_dir, parameters={"pause": 0.3})
    job.method_snapshot["config"] = {"resources": {"time_limit_minutes": 1}}
    job.save()
    folder = lost_attempt(job)
    began = timezone.now()
    job.events.create(attempt=1, kind="claimed", at=began, data={})
    os.utime(folder / "train.log", times=(0, began.timestamp() + 60))
    if resumed:
        job.events.create(attempt=1, kind="resume-requested", at=began, data={})

    run(job)

    assert job.status == status


def test_it_fails_a_job_with_a_traceback_when_the_engine_breaks(data_dir):
    job = job_of(data_dir, dataset_snapshot={"name": "rows", "path": str(data_dir), "data_format": "?", "mapping": {}})

    with pytest.raises(ValueError, match="data_format"):
        run(job)

    job.refresh_from_db()
    assert (job.status, job.failure["message"]) == (Status.FAILED, "The job engine itself failed at this job.")
    assert "data_format" in job.failure["traceback"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="locks a whole SQLite database")
def test_the_training_goes_on_while_the_database_is_locked(data_dir, start, monkeypatch):
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "timeout", 0.1)
    running = start(job_of(data_dir, parameters={"steps": 10, "pause": 0.2}))
    assert wait_for(lambda: TrainingJob.objects.get(pk=running.job.pk).step)

    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as locking:
        locking.execute("BEGIN IMMEDIATE")
        assert wait_for((running.job.directory / "attempt-1" / "checkpoints" / "checkpoint-10").exists)
        time.sleep(1)

    assert running.ended().status == Status.SUCCEEDED
    assert metrics.read(running.job.pk).curves["loss"].steps == list(range(1, 11))


def test_no_child_outlives_a_row_that_is_gone(data_dir, start):
    running = start(job_of(data_dir, WRITES_PID_AND_WAITS))
    child = running.child()

    TrainingJob.objects.filter(pk=running.job.pk).delete()

    running.done.result(timeout=90)
    assert has_gone(child)


def lost_attempt(job: TrainingJob, *events: CheckpointSaved | Finished | Metrics | Note) -> Path:
    """The folder of an attempt whose worker died before it had stored anything."""
    claim(job.pk, "lost")
    folder = job.attempt_directory(1)
    (folder / "output").mkdir(parents=True)
    (folder / "events.jsonl").write_text("".join(event.model_dump_json() + "\n" for event in events))
    (folder / "train.log").write_text("its last words\n")
    let_lease_run_out(job)
    leases.reap()
    return folder


def test_it_goes_on_from_a_checkpoint_that_a_dying_worker_did_not_store(data_dir):
    job = job_of(data_dir, parameters={"steps": 4})
    checkpoint = data_dir / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "step").write_text("2")
    points = [Metrics(step=step, values={"loss": 1 / step}) for step in (1, 2)]
    lost_attempt(job, *points, CheckpointSaved(step=2, path=str(checkpoint)))

    run(job)

    assert (job.status, job.attempt, metrics.read(job.pk).curves["loss"].steps) == (Status.SUCCEEDED, 2, [1, 2, 3, 4])
    assert job.events.get(kind="resumed").data == {"checkpoint": str(checkpoint)}
    assert logs.read(job.pk).text.startswith("its last words")


def test_it_stores_what_an_earlier_attempt_wrote_once(data_dir):
    job = job_of(data_dir)
    lost_attempt(job, Note(text="once"))
    claim(job.pk, "lost again")
    attempt = execution.Attempt(leases.Lease(job_id=job.pk, owner="lost again", attempt=2), Event(), claimed=clock())
    attempt.begin()
    attempt.catch_up(1)
    let_lease_run_out(job)
    leases.reap()

    run(job)

    assert kinds(job).count("note") == 1
    assert logs.read(job.pk).text == "its last words\n"


def test_it_stores_once_what_the_database_stored_without_saying_so(data_dir, monkeypatch):
    """A connection may break after the commit and before the answer."""
    store = checkpoints.store
    broken = []

    def break_after_the_commit() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    def store_and_break(job, attempt, events, reported) -> None:
        store(job, attempt, events, reported)
        if any(isinstance(event, Metrics) for event in events) and not broken:
            broken.append(job)
            transaction.on_commit(break_after_the_commit)

    monkeypatch.setattr(checkpoints, "store", store_and_break)
    body = '    print("said once", flush=True)\n    run.note("noted once")\n' + LEARNS

    job = run(job_of(data_dir, body, parameters={"steps": 3}))

    assert broken
    assert metrics.read(job.pk).curves["loss"].steps == [1, 2, 3]
    assert logs.read(job.pk).text.count("said once") == kinds(job).count("note") == 1


@pytest.mark.parametrize("more_lost", [0, 1])
def test_it_takes_a_result_that_a_dying_worker_did_not_announce(data_dir, more_lost):
    job = job_of(data_dir)
    folder = lost_attempt(job, Finished(outcome="succeeded", result="adapter", values={"loss": 0.5}))
    (folder / "output" / "adapter_config.json").write_text("{}")
    for _ in range(more_lost):  # before it had laid out a run of its own
        claim(job.pk, "lost again")
        let_lease_run_out(job)
        leases.reap()

    run(job)

    assert (job.status, job.latest_metrics) == (Status.SUCCEEDED, {"loss": 0.5})
    assert job.customized_model.kind == CustomizedModel.Kind.ADAPTER
    assert not job.attempt_directory(2 + more_lost).exists()


def test_it_stops_a_job_while_it_can_still_save(data_dir, start, settings):
    running = start(job_of(data_dir, WRITES_PID_AND_WAITS))
    child = running.child()

    settings.DISK_RESERVE_GB = 10**9

    job = running.ended()
    assert job.failure["message"].startswith("The training was stopped while it could still save:")
    assert has_gone(child)


@pytest.mark.skipif(sys.platform != "linux", reason="holes in files are Linux's")
def test_it_gives_back_the_room_of_events_that_are_stored(data_dir, monkeypatch):
    monkeypatch.setattr(reports, "FORGET_FROM", 100_000)
    body = "    for step in range(1, 4001): run.metrics(step, 4000, loss=1.0)\n    time.sleep(2)\n" + LEARNS

    job = run(job_of(data_dir, body))

    file = job.attempt_directory(1) / "events.jsonl"
    assert file.stat().st_size > 300_000
    assert file.stat().st_blocks * 512 < 110_000  # up to FORGET_FROM, in whole blocks, is not worth a hole
    assert sum(chunk.last_step - chunk.first_step + 1 for chunk in job.metric_chunks.all()) >= 4000
