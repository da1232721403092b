"""A cancel that races with a claim or with the end: one wins, and everybody is told the same."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from tests.chaos import site
from tests.training_jobs.engine import queued_job, running_job, wait_for
from training_jobs import dispatch, leases
from training_jobs.models import Status, TrainingJob

pytestmark = pytest.mark.django_db(transaction=True)
RACES = int(os.environ.get("CHAOS_RACES", "50"))


def race(*runners):
    """What each of them returned; they start at the same moment."""
    start = Barrier(len(runners))

    def run(runner):
        start.wait()
        try:
            return runner()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(runners)) as pool:
        return list(pool.map(run, runners))


def test_a_cancel_and_a_claim_agree():
    for _ in range(RACES):
        job = queued_job()

        asked, lease = race(lambda: leases.request_cancel(job.pk), lambda: leases.claim(job.pk, "me"))  # noqa: B023

        job.refresh_from_db()
        assert asked
        assert job.status == (Status.STOPPING if lease else Status.CANCELLED)


def test_a_cancel_and_a_finish_agree():
    for _ in range(RACES):
        job, lease = running_job()

        asked, succeeded = race(lambda: leases.request_cancel(job.pk), lambda: leases.succeed(lease))  # noqa: B023

        job.refresh_from_db()
        assert (succeeded, job.status, job.cancel_requested) == (True, Status.SUCCEEDED, asked)


def test_a_message_that_comes_ten_times_runs_a_job_once():
    with site.workers(2, "--concurrency", "2"):
        jobs = [site.a_job(steps=5, pause=0.02, seed=seed) for seed in range(3)]
        for job in jobs * 9:
            dispatch.wake(job)

        assert site.all_ended(jobs)
    for job in jobs:
        site.check_undisturbed(job)
    assert set(TrainingJob.objects.values_list("attempt", flat=True)) == {1}
    assert wait_for(lambda: site.nothing_left(jobs))
