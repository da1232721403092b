import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs.models import Status

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def url_of(job) -> str:
    return reverse("training_jobs:job-cancel", args=[job.pk])


def test_a_queued_train_is_cancelled_at_once(client, expert):
    job = records.job(created_by=expert)

    page = client.post(url_of(job), follow=True)

    job.refresh_from_db()
    assert job.status == Status.CANCELLED
    assert "Cancelled before it started." in page.text


def test_a_running_train_is_asked_to_stop(client, expert):
    job = records.job(Status.RUNNING, created_by=expert)

    page = client.post(url_of(job), follow=True)

    job.refresh_from_db()
    assert (job.status, job.cancel_requested) == (Status.STOPPING, True)
    assert "It saves a checkpoint, then ends." in page.text


def test_it_asks_for_confirmation_and_says_what_happens(client, expert):
    job = records.job(Status.RUNNING, created_by=expert)

    page = client.get(url_of(job)).text

    assert "at step 12 of 40" in page
    assert "no customized model is made" in page


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
def test_there_is_nothing_to_cancel_once_it_has_ended(client, expert, status):
    job = records.job(status, created_by=expert)

    page = client.post(url_of(job), follow=True)

    job.refresh_from_db()
    assert job.status == status
    assert "There was nothing to cancel" in page.text


def test_it_says_who_cancelled(client, expert):
    job = records.job(created_by=expert)

    page = client.post(url_of(job), follow=True)

    assert "Cancelled by expert" in page.text


def test_only_whoever_started_it_and_staff_may_cancel(client, expert, django_user_model):
    job = records.job(created_by=expert)
    client.force_login(django_user_model.objects.create_user("colleague"))

    answer = client.post(url_of(job))

    job.refresh_from_db()
    assert (answer.status_code, job.status) == (403, Status.QUEUED)
    assert "was started by somebody else: staff can cancel it" in answer.text
    assert 'id="cancel-train"' not in client.get(job.get_absolute_url()).text


def test_looking_at_it_cancels_nothing(client):
    job = records.job()

    client.get(url_of(job))

    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_it_needs_a_login(client):
    job = records.job()
    client.logout()

    assert client.post(url_of(job)).status_code == 302
    job.refresh_from_db()
    assert job.status == Status.QUEUED
