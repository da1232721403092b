"""What people ask of a job: that it ends, in three ways, and that it goes on."""

import pytest
from django.db.models.functions import Now

from tests.training_jobs.engine import claim, queued_job, running_job, status_of
from training_jobs import leases
from training_jobs.models import Status, TrainingJob
from training_methods.trainers.events import Failure

pytestmark = pytest.mark.django_db


def test_it_cancels_a_queued_job_at_once():
    job = queued_job()

    assert leases.request_cancel(job.pk)

    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert job.finished_at is not None


def test_it_asks_the_worker_of_a_running_job_to_stop():
    job, lease = running_job()

    assert leases.request_cancel(job.pk)

    job.refresh_from_db()
    assert (job.status, job.cancel_requested, job.finished_at) == (Status.STOPPING, True, None)
    assert leases.cancel(lease)
    assert status_of(job) == Status.CANCELLED


def test_it_cancels_once_and_nothing_that_has_ended():
    asked, _ = running_job()
    ended, lease = running_job()
    leases.request_cancel(asked.pk)
    leases.succeed(lease)

    assert not leases.request_cancel(asked.pk)
    assert not leases.request_cancel(ended.pk)
    assert status_of(ended) == Status.SUCCEEDED


def test_one_that_never_started_does_not_start_to_save_a_result():
    job = queued_job()

    assert leases.request_finish(job.pk)

    assert status_of(job) == Status.CANCELLED
    assert claim(job.pk, "me") is None


def test_one_that_waits_with_something_learnt_is_given_to_a_worker_to_end():
    job, lease = running_job()
    leases.release(lease)

    assert leases.request_finish(job.pk)

    job.refresh_from_db()
    assert (job.status, job.finish_requested, job.finished_at) == (Status.QUEUED, True, None)
    assert claim(job.pk, "next")


def test_a_held_one_is_let_go_to_end_with_its_result(expert):
    job, lease = running_job()
    leases.release(lease)
    leases.hold(job.pk, by=expert)

    assert leases.request_finish(job.pk)

    assert claim(job.pk, "next")


@pytest.mark.parametrize(
    ("asked", "then", "wins"),
    [
        (leases.request_finish, leases.request_finish, False),
        (leases.request_finish, leases.request_cancel, True),
        (leases.request_finish, leases.request_kill, True),
        (leases.request_cancel, leases.request_finish, False),
        (leases.request_cancel, leases.request_kill, True),
        (leases.request_kill, leases.request_cancel, False),
        (leases.request_kill, leases.request_finish, False),
        (leases.request_kill, leases.request_kill, False),
    ],
)
def test_a_harder_stop_overtakes_a_softer_one(asked, then, wins):
    job, _ = running_job()
    assert asked(job.pk, by="maria")

    assert then(job.pk, by="boss") is wins

    job.refresh_from_db()
    assert (job.status, job.stop_asked_by) == (Status.STOPPING, "boss" if wins else "maria")


@pytest.mark.parametrize("ended", [leases.cancel, lambda lease: leases.fail(lease, Failure(message="Too hot."))])
def test_a_job_that_came_to_nothing_is_queued_once_more(ended):
    job, lease = running_job()
    leases.request_finish(job.pk, by="maria")
    ended(lease)

    assert leases.resume(job.pk, by="maria")

    job.refresh_from_db()
    assert (job.status, job.failure, job.finished_at, job.finish_requested) == (Status.QUEUED, None, None, False)
    assert claim(job.pk, "next").attempt == 2
    assert not leases.resume(job.pk, by="boss")


def test_what_it_had_failed_of_stays_on_record():
    job, lease = running_job()
    leases.fail(lease, Failure(message="Too hot."))

    leases.resume(job.pk, by="maria")

    assert job.events.get(kind="resume-requested").data == {"by": "maria", "failure": "Too hot."}


def test_a_job_that_succeeded_is_not_queued_again():
    job, lease = running_job()
    leases.succeed(lease)

    assert not leases.resume(job.pk, by="maria")


def test_it_ends_a_job_that_is_handed_back_after_a_cancel():
    job, lease = running_job()
    leases.request_cancel(job.pk)

    leases.release(lease)

    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert job.finished_at is not None


def test_one_that_goes_on_began_when_it_began_and_is_sorted_out_anew_at_its_end():
    job, lease = running_job()
    leases.cancel(lease)
    TrainingJob.objects.update(is_tidy=True)
    leases.resume(job.pk, by="maria")

    claim(job.pk, "next")

    again = TrainingJob.objects.get()
    assert (again.started_at, again.is_tidy) == (job.started_at, False)


def test_nothing_that_was_asked_before_holds_up_one_that_goes_on(expert):
    job, lease = running_job(seconds_left=9)
    leases.release(lease)
    leases.hold(job.pk, by=expert)
    leases.request_kill(job.pk, by="maria")

    leases.resume(job.pk, by="maria")

    job.refresh_from_db()
    assert (job.cancel_requested, job.kill_requested, job.stop_asked_by) == (False, False, "")
    assert (job.held_at, job.held_by, job.seconds_left) == (None, None, None)
    assert claim(job.pk, "next")


def test_whoever_held_it_first_holds_it(expert, admin):
    job = queued_job()
    assert leases.hold(job.pk, by=expert)

    assert not leases.hold(job.pk, by=admin)

    job.refresh_from_db()
    assert job.held_by == expert


def test_what_nobody_holds_is_not_let_go(expert):
    assert not leases.let_go(queued_job().pk, by=expert)
    assert not leases.let_go(queued_job(status=Status.CANCELLED, held_at=Now()).pk, by=expert)
