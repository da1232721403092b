"""Whose turn it is: priority, then where an administrator put it, then who has fewer jobs running, then age."""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.db import connections

from tests.training_jobs import records
from tests.training_jobs.engine import claim, queued_job
from training_jobs import leases
from training_jobs.models import Priority, TrainingJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(django_user_model):
    return django_user_model.objects.create_user("anna")


@pytest.fixture
def ben(django_user_model):
    return django_user_model.objects.create_user("ben")


def taken(**capacity) -> list[str]:
    """Names of the jobs that one slot takes one after the other, none of which ends."""
    given = {"queues": ["default"]} | capacity
    leased = iter(lambda: leases.claim_next("me", **given), None)
    return [TrainingJob.objects.get(pk=lease.job_id).name for lease in leased]


def test_the_oldest_goes_first():
    for name in ("first", "second", "third"):
        queued_job(name=name)

    assert taken() == ["first", "second", "third"]


def test_a_higher_priority_goes_first():
    for name, priority in (("low", Priority.LOW), ("normal", Priority.NORMAL), ("high", Priority.HIGH)):
        queued_job(name=name, priority=priority)

    assert taken() == ["high", "normal", "low"]


def test_who_has_fewer_jobs_running_goes_first(anna, ben):
    for name, person in (("anna-1", anna), ("anna-2", anna), ("anna-3", anna), ("ben-1", ben), ("ben-2", ben)):
        queued_job(name=name, created_by=person)

    assert taken() == ["anna-1", "ben-1", "anna-2", "ben-2", "anna-3"]


def test_jobs_of_nobody_share_like_those_of_one_person(anna):
    for name, person in (("nobody-1", None), ("nobody-2", None), ("anna-1", anna)):
        queued_job(name=name, created_by=person)

    assert taken() == ["nobody-1", "anna-1", "nobody-2"]


def test_a_job_that_has_ended_counts_no_more(anna, ben):
    queued_job(created_by=anna)
    leases.succeed(leases.claim_next("me", queues=["default"]))
    queued_job(name="anna-2", created_by=anna)
    queued_job(name="ben-1", created_by=ben)

    assert taken() == ["anna-2", "ben-1"]


def test_a_slot_takes_only_from_the_queues_it_serves():
    queued_job(name="large", queue="large")
    queued_job(name="small")

    assert taken(queues=["default", "small"]) == ["small"]
    assert taken(queues=["large"]) == ["large"]


def test_a_slot_takes_only_what_its_free_cards_allow():
    for gpus in (2, None, 1, 0):
        queued_job(name=f"needs {gpus}", gpus=gpus)

    assert taken(free_cards=0) == ["needs 0"]
    assert taken(free_cards=1) == ["needs None", "needs 1"]
    assert taken(free_cards=2) == ["needs 2"]


def test_without_any_cards_a_job_that_does_not_ask_for_one_runs_too():
    for gpus in (1, None, 0):
        queued_job(name=f"needs {gpus}", gpus=gpus)

    assert taken(free_cards=None) == ["needs None", "needs 0"]


def test_a_draining_worker_takes_nothing():
    queued_job()

    assert taken(worker=records.worker(draining_requested=True).pk) == []


def test_a_job_names_its_worker_while_it_runs():
    worker = records.worker()
    queued_job()
    lease = leases.claim_next("me", queues=["default"], worker=worker.pk)
    assert worker.jobs.get().pk == lease.job_id

    leases.succeed(lease)

    assert not worker.jobs.exists()


def test_a_held_job_is_not_taken(anna):
    held = queued_job(name="held")
    queued_job(name="other")
    assert leases.hold(held.pk, by=anna)
    assert claim(held.pk, "me") is None
    assert taken() == ["other"]

    assert leases.let_go(held.pk, by=anna)

    assert taken() == ["held"]
    assert [event.kind for event in held.events.all()] == ["held", "let-go"]


def test_only_a_waiting_job_can_be_held(anna):
    job = queued_job()
    claim(job.pk, "me")

    assert not leases.hold(job.pk, by=anna)
    assert not leases.let_go(job.pk, by=anna)
    assert not job.events.exists()


@pytest.mark.django_db(transaction=True)
def test_of_a_hold_and_a_claim_one_wins(anna):
    jobs = [queued_job().pk for _ in range(40)]
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(in_own_connection, lambda: [leases.hold(job, by=anna) for job in jobs])
        claimed = pool.submit(in_own_connection, lambda: [bool(claim(job, "me")) for job in jobs])

    assert [not was_held for was_held in held.result()] == claimed.result()


def in_own_connection(work):
    try:
        return work()
    finally:
        connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_ten_processes_take_300_jobs_exactly_once():
    for _ in range(300):
        queued_job()
    connections.close_all()
    with multiprocessing.get_context("fork").Pool(10) as pool:
        claims = [job for jobs in pool.map(claim_all, range(10), chunksize=1) for job in jobs]

    assert sorted(claims) == sorted(TrainingJob.objects.values_list("pk", flat=True))
    assert set(TrainingJob.objects.values_list("attempt", flat=True)) == {1}


def claim_all(number: int) -> list[UUID]:
    claims = iter(lambda: leases.claim_next(f"claimer-{number}", queues=["default"]), None)
    return [lease.job_id for lease in claims]
