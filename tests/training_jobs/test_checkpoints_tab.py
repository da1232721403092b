"""The Checkpoints tab of a job's page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.training_jobs.test_continuing import chosen, own_data_dir, succeeded  # noqa: F401 (fixtures)
from tests.training_jobs.test_job_stop_page import owned_by, signed_in  # noqa: F401 (a fixture)
from training_jobs import checkpoints, deletion
from training_jobs.models import Status, TrainingJob

pytestmark = pytest.mark.django_db(transaction=True)


def tab(job) -> str:
    return f"{job.get_absolute_url()}?tab=checkpoints"


def url(name: str, checkpoint) -> str:
    return reverse(f"training_jobs:checkpoint-{name}", args=[checkpoint.pk])


@pytest.fixture
def job(succeeded, expert) -> TrainingJob:  # noqa: F811
    return owned_by(succeeded, expert)


def test_it_shows_what_there_is_and_what_is_gone(client, job):
    page = client.get(tab(job))

    assert [line.record.step for line in page.context["lines"]] == [6, 5]
    assert "Loss 0.1667" in page.text and "newest" in page.text and "best" in page.text
    assert "Step 4: not among the newest, the best and those to keep" in page.text
    assert "Start again from here" in page.text


def test_however_many_there_are_it_asks_the_database_as_often(client, job):
    client.get(tab(job))  # the first page of a process asks once for what it keeps
    with CaptureQueriesContext(connection) as few:
        client.get(tab(job))
    newest = job.checkpoints.there().first()
    for step in range(7, 17):
        newest.pk, newest.step = None, step
        newest.save()

    with CaptureQueriesContext(connection) as many:
        page = client.get(tab(job))

    assert len(page.context["lines"]) == 12
    assert len(many) == len(few)


def test_one_is_kept_and_let_go(client, job):
    newest = job.checkpoints.there().first()

    page = client.post(url("keep", newest), follow=True)

    newest.refresh_from_db()
    assert newest.is_kept and "is kept until somebody deletes it" in page.text
    client.post(url("let-go", newest))
    newest.refresh_from_db()
    assert not newest.is_kept


def test_one_is_deleted_once_that_is_confirmed(client, job):
    newest = job.checkpoints.there().first()
    assert "Delete the checkpoint of step 6?" in client.get(url("delete", newest)).text

    page = client.post(url("delete", newest), follow=True)

    newest.refresh_from_db()
    assert not newest.is_there
    assert "Step 6: deleted by expert" in page.text
    assert client.post(url("delete", newest)).status_code == 404


def test_one_that_went_with_its_train_is_said_to_be_gone(job):
    newest = job.checkpoints.there().first()
    deletion.delete(job, user=None)

    with pytest.raises(checkpoints.NotNow, match="not there any more"):
        checkpoints.delete(newest, by="expert")


def test_a_running_train_keeps_what_it_needs(client, job):
    newest = job.checkpoints.there().first()
    TrainingJob.objects.filter(pk=job.pk).update(status=Status.QUEUED)

    page = client.post(url("delete", newest), follow=True)

    assert "may have to go on from its newest checkpoints" in page.text
    assert newest.is_there
    assert url("delete", newest) not in page.text


@pytest.mark.parametrize("name", ["keep", "let-go", "delete"])
def test_only_whoever_started_the_train_and_staff_change_them(client, job, django_user_model, name):
    newest = job.checkpoints.there().first()
    client.force_login(django_user_model.objects.create_user("colleague"))

    assert client.post(url(name, newest)).status_code == 403
    assert url(name, newest) not in client.get(tab(job)).text
    client.logout()
    assert client.post(url(name, newest)).status_code == 302
    newest.refresh_from_db()
    assert newest.is_there and not newest.is_kept


def test_one_that_is_going_away_cannot_be_kept(client, job):
    newest = job.checkpoints.there().first()
    (job.attempt_directory(1) / "checkpoints" / "checkpoint-6" / "step").unlink()

    page = client.post(url("keep", newest), follow=True)

    assert "The checkpoint of step 6 is not complete any more." in page.text
