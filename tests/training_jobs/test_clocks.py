"""A clock that is set takes no job from a worker that is there, and hides none that is lost."""

import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.training_jobs.database_clock import set_by, trusting_sweeper
from tests.training_jobs.engine import queued_job, running_job, status_of
from training_jobs import leases
from training_jobs.models import Status, TrainingJob
from training_jobs.sweeper import reap_lost
from training_methods.clocks import ClockWatch

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = timedelta(seconds=0.2)


@pytest.fixture
def sweeper():
    return trusting_sweeper(LEASE)


@pytest.mark.parametrize("hours", [1, -1, 3])
def test_a_clock_that_is_set_is_noticed_once(hours):
    watch = ClockWatch(timedelta(seconds=5), LEASE)
    assert not watch.was_set()
    assert not watch.was_set()

    with set_by(hours):
        assert [watch.was_set(), watch.was_set()] == [True, False]
    assert watch.was_set()


class Overtaken(ClockWatch):
    """Another thread asks as soon as this one has taken down by how much the clock is ahead."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "ahead" and value is not None:
            self.trusted_by_another = self.is_trusted()


def test_a_clock_that_is_set_is_trusted_by_no_other_thread_meanwhile():
    watch = Overtaken(timedelta(seconds=5), timedelta(hours=1))
    assert watch.is_trusted() and watch.trusted_by_another

    with set_by(hours=1):
        assert not watch.is_trusted()

    assert not watch.trusted_by_another


def test_a_job_stays_with_its_worker_when_the_clock_is_set_forward(sweeper):
    job, lease = running_job()

    with set_by(hours=1):
        sweeper.reap()
        assert status_of(job) == Status.RUNNING

        assert leases.heartbeat(lease)
        time.sleep(LEASE.total_seconds())
        sweeper.reap()
        assert status_of(job) == Status.RUNNING


def test_a_job_stays_with_its_worker_when_the_clock_is_set_back(sweeper):
    job, lease = running_job()

    with set_by(hours=-1):
        sweeper.reap()
        assert leases.heartbeat(lease)
        time.sleep(LEASE.total_seconds())
        sweeper.reap()

        assert status_of(job) == Status.RUNNING


@pytest.mark.parametrize("hours", [1, -1])
def test_a_job_stays_with_its_worker_when_the_clock_is_set_just_as_lost_ones_are_looked_for(hours):
    watch = ClockWatch(timedelta(seconds=5), LEASE)
    job, _ = running_job()
    assert watch.is_trusted()

    with set_by(hours):
        assert reap_lost(watch) == []

    assert status_of(job) == Status.RUNNING
    assert not job.events.exists()


@pytest.mark.parametrize("hours", [1, -1])
def test_a_lost_job_does_not_wait_until_the_clock_is_there_again(sweeper, hours):
    job, _ = running_job()

    with set_by(hours):
        sweeper.reap()
        assert status_of(job) == Status.RUNNING

        time.sleep(LEASE.total_seconds())
        sweeper.reap()
        assert status_of(job) == Status.QUEUED


def test_a_lost_message_does_not_wait_until_the_clock_is_there_again():
    job = queued_job(woken_at=Now())

    with set_by(hours=-1):
        assert list(TrainingJob.objects.unheard(timedelta(seconds=30))) == [job]
