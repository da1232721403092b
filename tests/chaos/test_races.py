"""A cancel that races with a claim or with the end: one wins, and everybody is told the same."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from tests.chaos import site
from tests.training_jobs.engine import claim, let_lease_run_out, queued_job, running_job, wait_for
from training_jobs import dispatch, leases
from training_jobs.models import Status

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

        asked, lease = race(lambda: leases.request_cancel(job.pk), lambda: claim(job.pk, "me"))  # noqa: B023

        job.refresh_from_db()
        assert asked
        assert job.status == (Status.STOPPING if lease else Status.CANCELLED)


def test_a_cancel_and_a_finish_agree():
    for _ in range(RACES):
        job, lease = running_job()

        asked, succeeded = race(lambda: leases.request_cancel(job.pk), lambda: leases.succeed(lease))  # noqa: B023

        job.refresh_from_db()
        assert (succeeded, job.status, job.cancel_requested) == (True, Status.SUCCEEDED, asked)


def test_a_request_for_the_result_and_a_claim_agree():
    for _ in range(RACES):
        job = queued_job()

        asked, lease = race(lambda: leases.request_finish(job.pk), lambda: claim(job.pk, "me"))  # noqa: B023

        job.refresh_from_db()
        assert asked
        assert job.status == (Status.STOPPING if lease else Status.CANCELLED)


def test_a_request_for_the_result_and_the_end_agree():
    for _ in range(RACES):
        job, lease = running_job()

        asked, succeeded = race(lambda: leases.request_finish(job.pk), lambda: leases.succeed(lease))  # noqa: B023

        job.refresh_from_db()
        assert (succeeded, job.status, job.finish_requested) == (True, Status.SUCCEEDED, asked)


def test_a_stop_now_and_a_claim_agree():
    for _ in range(RACES):
        job = queued_job()

        asked, lease = race(lambda: leases.request_kill(job.pk), lambda: claim(job.pk, "me"))  # noqa: B023

        job.refresh_from_db()
        assert asked
        assert job.status == (Status.STOPPING if lease else Status.CANCELLED)


def test_a_stop_now_and_a_finish_agree():
    for _ in range(RACES):
        job, lease = running_job()

        asked, succeeded = race(lambda: leases.request_kill(job.pk), lambda: leases.succeed(lease))  # noqa: B023

        job.refresh_from_db()
        assert (succeeded, job.status, job.kill_requested) == (True, Status.SUCCEEDED, asked)


def test_a_cancel_and_a_reaper_agree():
    for _ in range(RACES):
        job, _ = running_job()
        let_lease_run_out(job)

        asked, _ = race(lambda: leases.request_cancel(job.pk), leases.reap)  # noqa: B023
        leases.reap()  # who lost to the cancel leaves it to the next sweep

        job.refresh_from_db()
        assert (asked, job.status, job.owner) == (True, Status.CANCELLED, "")


def test_of_ten_reapers_one_takes_a_job_back():
    for _ in range(RACES // 10):
        job, _ = running_job()
        let_lease_run_out(job)

        losses = race(*[leases.reap] * 10)

        assert [loss.job_id for found in losses for loss in found] == [job.pk]
        assert job.events.filter(kind="worker-lost").count() == 1


def test_of_two_who_stop_a_job_the_harder_wins_and_both_are_told():
    for _ in range(RACES):
        job, _ = running_job()

        saved, killed = race(
            lambda: leases.request_finish(job.pk, by="soft"),  # noqa: B023
            lambda: leases.request_kill(job.pk, by="hard"),  # noqa: B023
        )

        job.refresh_from_db()
        assert (killed, job.kill_requested, job.stop_asked_by) == (True, True, "hard")
        assert job.finish_requested == saved


def test_of_two_who_resume_a_job_one_wins():
    for _ in range(RACES):
        job, lease = running_job()
        leases.cancel(lease)

        won = race(*[lambda by=by: leases.resume(job.pk, by=by) for by in ("one", "two")])  # noqa: B023

        assert sorted(won) == [False, True]
        assert job.events.filter(kind="resume-requested").count() == 1


def test_a_message_that_comes_ten_times_runs_a_job_once():
    with site.workers(2, "--concurrency", "2"):
        jobs = [site.a_job(steps=5, pause=0.02, seed=seed) for seed in range(3)]
        for job in jobs * 9:
            dispatch.wake(job)

        assert site.all_ended(jobs)
    for job in jobs:
        site.check_undisturbed(job)
        site.check_not_lost(job)
    assert wait_for(lambda: site.nothing_left(jobs))
