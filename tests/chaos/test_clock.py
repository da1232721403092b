"""A machine whose clock is set while it trains: nothing changes hands, and what is lost is found all the same."""

import time

import pytest
from django.db import connection

from tests.chaos import site
from tests.chaos.clock import SetClock
from tests.chaos.site import LEASE_SECONDS
from tests.training_jobs.engine import wait_for

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's clock is set in test_clocks.py"),
    pytest.mark.skipif(not SetClock.can_be_made, reason="sets the clock by a small C library, on Linux"),
]
HOUR = 3600


def test_a_training_stays_where_it_is_when_the_clock_is_set_again_and_again(tmp_path):
    clock = SetClock(tmp_path)
    with site.workers(2, **clock.environment):
        time.sleep(1.5 * LEASE_SECONDS)  # from then on reapers trust leases
        job = site.a_job(pause=0.3)
        assert wait_for(lambda: site.step_of(job) >= 3, 90)
        for hours in (1, 0, -1, 2, -1, 3):
            clock.set_by(hours * HOUR)
            time.sleep(1.1)

        assert site.all_ended([job])
    site.check_undisturbed(job)
    site.check_not_lost(job)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_job_is_gone_on_with_whose_worker_is_lost_as_the_clock_is_set(tmp_path, hours):
    clock = SetClock(tmp_path)
    job = site.a_job(pause=0.2)
    with site.workers(2, **clock.environment) as crew:
        assert wait_for(lambda: site.step_of(job) >= 7, 90)
        [busy] = [worker for worker in crew if worker.trainings()]
        busy.kill()
        clock.set_by(hours * HOUR)

        assert site.all_ended([job])
    site.check_undisturbed(job)
    assert job.attempt >= 2
