"""The thread in each worker that finds what was lost, and goes on whatever it meets."""

from datetime import timedelta
from threading import Event

import pytest
from django.db.models.functions import Now

from tests.training_jobs import records
from tests.training_jobs.database_clock import trusting_sweeper
from tests.training_jobs.engine import let_lease_run_out, running_job, wait_for
from training_jobs import logs
from training_jobs.models import Status, TrainingJob, Worker
from training_jobs.sweeper import Sweeper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def given_up(data_dir) -> TrainingJob:
    """Somebody cancelled it, and its worker was lost before it heard of that."""
    job, _ = running_job()
    TrainingJob.objects.filter(pk=job.pk).update(cancel_requested=True)
    job.attempt_directory(1).mkdir(parents=True)
    let_lease_run_out(job)
    return job


def test_it_keeps_what_the_lost_worker_of_a_job_that_ends_had_not_stored(given_up):
    (given_up.attempt_directory(1) / "train.log").write_text("step 1\n")

    trusting_sweeper(timedelta(0)).reap()

    given_up.refresh_from_db()
    assert given_up.status == Status.CANCELLED
    assert logs.read(given_up.pk).text == "step 1\n"


def test_a_log_that_cannot_be_read_keeps_it_from_nothing(given_up):
    (given_up.attempt_directory(1) / "train.log").mkdir()

    trusting_sweeper(timedelta(0)).reap()

    given_up.refresh_from_db()
    assert given_up.status == Status.CANCELLED


def test_a_sweep_sorts_out_what_ended_and_forgets_who_went_without_a_word(data_dir):
    job = records.job(Status.CANCELLED, is_tidy=False)
    records.worker()
    Worker.objects.update(heartbeat_at=Now() - timedelta(hours=2))

    Sweeper(lease=timedelta(0)).sweep()

    job.refresh_from_db()
    assert job.is_tidy
    assert not Worker.objects.exists()


class BreaksOff(Sweeper):
    sweeps = 0

    def sweep(self) -> None:
        self.sweeps += 1
        if self.sweeps < 3:
            raise ValueError
        Event().wait()


def test_a_sweep_that_breaks_off_is_not_the_last():
    sweeper = BreaksOff(every=timedelta(seconds=0.01))

    sweeper.start()

    assert wait_for(lambda: sweeper.sweeps == 3)
