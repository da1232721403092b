"""Changes of status: each is won by one, and by nobody whose attempt is over."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from tests.training_jobs.engine import claim, let_lease_run_out, queued_job, running_job, status_of
from training_jobs import leases
from training_jobs.models import Status, TrainingJob
from training_methods.trainers.events import Failure

pytestmark = pytest.mark.django_db


def test_it_gives_a_queued_job_to_who_claims_it():
    job = queued_job()

    lease = claim(job.pk, "me")

    job.refresh_from_db()
    assert lease == leases.Lease(job_id=job.pk, owner="me", attempt=1)
    assert (job.status, job.owner, job.attempt) == (Status.RUNNING, "me", 1)
    assert timedelta(seconds=100) < job.lease_until - timezone.now() < timedelta(seconds=140)


def test_it_gives_a_job_once():
    job, _ = running_job()

    assert claim(job.pk, "another") is None


@pytest.mark.django_db(transaction=True)
def test_it_gives_each_of_many_jobs_to_exactly_one_of_many_claimers():
    jobs = [queued_job().pk for _ in range(50)]

    def claim_all(owner: int) -> int:
        try:
            return sum(claim(job, str(owner)) is not None for job in jobs)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        wins = list(pool.map(claim_all, range(8)))

    assert sum(wins) == 50


def test_who_is_too_late_for_one_takes_the_next(monkeypatch):
    first, second = queued_job(), queued_job()
    take = leases.take

    def too_late(job_id, *seen, **claimer):
        claim(first.pk, "another")
        return take(job_id, *seen, **claimer)

    monkeypatch.setattr(leases, "take", too_late)

    assert leases.claim_next("me", queues=["default"]).job_id == second.pk


def test_it_does_not_give_a_job_that_ended_since_it_was_seen():
    job = queued_job()
    leases.request_finish(job.pk)

    assert leases.take(job.pk, 0, None, owner="me", worker=None) is None


def test_it_does_not_give_a_job_that_somebody_had_and_handed_back_since_it_was_seen():
    job = queued_job()
    leases.release(claim(job.pk, "another"))

    assert leases.take(job.pk, 0, None, owner="me", worker=None) is None


def test_it_does_not_give_a_job_whose_cancel_was_asked_for():
    job = queued_job(cancel_requested=True)

    assert claim(job.pk, "me") is None


def test_it_renews_the_lease():
    job, lease = running_job()
    let_lease_run_out(job)

    assert leases.heartbeat(lease)

    job.refresh_from_db()
    assert job.lease_until > timezone.now()


CHANGES = [
    leases.heartbeat,
    leases.stopping,
    leases.succeed,
    leases.cancel,
    leases.release,
    lambda lease: leases.fail(lease, Failure(message="late")),
]


@pytest.mark.parametrize("successor", ["successor", "worker"])
@pytest.mark.parametrize("change", CHANGES)
def test_it_lets_nobody_change_a_job_after_losing_it(change, successor):
    job, lost = running_job()
    let_lease_run_out(job)
    leases.reap()
    claim(job.pk, successor)

    assert not change(lost)

    job.refresh_from_db()
    assert (job.status, job.owner, job.attempt) == (Status.RUNNING, successor, 2)


@pytest.mark.parametrize("change", CHANGES)
def test_it_lets_nobody_change_a_job_of_another_owner(change):
    job, lease = running_job()

    assert not change(replace(lease, owner="stranger"))

    assert status_of(job) == Status.RUNNING


@pytest.mark.parametrize("change", CHANGES)
def test_it_lets_nobody_change_a_job_that_has_ended(change):
    job, lease = running_job()
    leases.succeed(lease)

    assert not change(lease)

    job.refresh_from_db()
    assert (job.status, job.lease_until, job.failure) == (Status.SUCCEEDED, None, None)


def test_it_keeps_why_a_cancelled_job_has_no_result():
    job, lease = running_job()

    leases.cancel(lease, Failure(message="It left none."))

    job.refresh_from_db()
    assert (job.status, job.failure["message"]) == (Status.CANCELLED, "It left none.")


def test_it_keeps_why_a_job_failed():
    job, lease = running_job()

    assert leases.fail(lease, Failure(message="The loss exploded.", hint="Try a smaller rate."))

    job.refresh_from_db()
    assert (job.status, job.owner) == (Status.FAILED, "worker")
    assert job.finished_at is not None
    assert job.failure == {
        "cause": None,
        "message": "The loss exploded.",
        "hint": "Try a smaller rate.",
        "evidence": "",
        "traceback": "",
        "changes": {},
    }


def test_losses_before_somebody_resumed_it_do_not_count():
    job = queued_job()
    for _ in range(3):
        claim(job.pk, "worker")
        let_lease_run_out(job)
        leases.reap()
    leases.resume(job.pk, by="maria")
    claim(job.pk, "worker")
    let_lease_run_out(job)

    leases.reap()

    assert status_of(job) == Status.QUEUED


def test_it_hands_a_job_back_to_the_queue():
    job, lease = running_job(woken_at=timezone.now())
    TrainingJob.objects.update(worker=uuid4())
    leases.stopping(lease)

    assert leases.release(lease)

    job.refresh_from_db()
    assert (job.status, job.owner, job.lease_until, job.woken_at) == (Status.QUEUED, "", None, None)
    assert job.worker_id is None
    assert claim(job.pk, "next").attempt == 2


def test_it_reaps_a_job_whose_worker_was_lost():
    job, _ = running_job()
    let_lease_run_out(job)

    losses = leases.reap()

    assert losses == [leases.Loss(job_id=job.pk, owner="worker", outcome=Status.QUEUED)]
    assert status_of(job) == Status.QUEUED
    assert job.events.get().data == {"owner": "worker"}
    assert leases.reap() == []


def test_it_reaps_nobody_who_holds_a_lease():
    job, _ = running_job()

    assert leases.reap() == []
    assert status_of(job) == Status.RUNNING


def test_it_does_not_reap_a_worker_that_woke_up_meanwhile():
    job, lease = running_job()
    let_lease_run_out(job)
    job.refresh_from_db()
    leases.heartbeat(lease)

    assert leases.reap_one(job) is None
    assert job.events.count() == 0


def test_it_does_not_queue_a_lost_job_whose_cancel_came_in_meanwhile():
    job_as_it_was, _ = running_job()
    leases.request_cancel(job_as_it_was.pk)
    let_lease_run_out(job_as_it_was)

    assert leases.reap_one(job_as_it_was) is None

    leases.reap()
    assert status_of(job_as_it_was) == Status.CANCELLED


def test_it_cancels_a_lost_job_that_was_to_be_cancelled():
    job, _ = running_job()
    leases.request_cancel(job.pk)
    let_lease_run_out(job)

    leases.reap()

    assert status_of(job) == Status.CANCELLED


def test_it_gives_up_a_job_that_loses_its_worker_three_times():
    job = queued_job()
    for _ in range(3):
        claim(job.pk, "worker")
        let_lease_run_out(job)
        leases.reap()

    job.refresh_from_db()
    assert job.status == Status.FAILED
    assert job.failure["message"] == "The worker that ran this job was lost 3 times, so it is not tried again."
