"""The menu of a job's page that stops it, and the buttons that go on with it."""

import pytest
from django.urls import reverse

from tests.training_jobs import records
from tests.training_jobs.test_continuing import chosen, failed, own_data_dir, succeeded  # noqa: F401 (fixtures)
from training_jobs import leases, stops
from training_jobs.models import Status, TrainingJob

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def stop(job, how: str = "save") -> str:
    return reverse("training_jobs:job-stop", args=[job.pk, how])


def resume(job) -> str:
    return reverse("training_jobs:job-resume", args=[job.pk])


def extend(job) -> str:
    return reverse("training_jobs:job-extend", args=[job.pk])


def owned_by(job, user) -> TrainingJob:
    TrainingJob.objects.filter(pk=job.pk).update(created_by=user)
    job.refresh_from_db()
    return job


def test_a_running_train_can_be_stopped_in_three_ways_with_a_sentence_each(client, expert):
    job = records.job(Status.RUNNING, created_by=expert)

    page = client.get(job.get_absolute_url()).text

    for name in ("save", "cancel", "now"):
        assert stop(job, name) in page
    assert "does not hear of it within 10 minutes is cancelled" in page
    assert "After 60 seconds it is ended in any case" in page


@pytest.mark.parametrize(
    ("how", "column", "said"),
    [
        ("save", "finish_requested", "It ends after the step it is at and saves its result, on request of expert."),
        ("cancel", "cancel_requested", "It saves a checkpoint, then ends."),
        ("now", "kill_requested", "It is ended now."),
    ],
)
def test_each_way_is_asked_for_and_said(client, expert, how, column, said):
    job = records.job(Status.RUNNING, created_by=expert)

    page = client.post(stop(job, how), follow=True)

    job.refresh_from_db()
    assert (job.status, getattr(job, column), job.stop_asked_by) == (Status.STOPPING, True, "expert")
    assert said in page.text


def test_one_that_waits_is_only_cancelled_unless_it_has_learnt_something(client, expert):
    new, tried = records.job(created_by=expert), records.job(created_by=expert, attempt=1)

    assert stop(new) not in client.get(new.get_absolute_url()).text
    assert stop(tried) in client.get(tried.get_absolute_url()).text
    page = client.post(stop(tried), follow=True).text
    assert "as soon as a worker has taken it" in page


def test_what_was_asked_before_is_not_offered_again(client, expert):
    job = records.job(Status.RUNNING, created_by=expert)
    leases.request_cancel(job.pk, by="expert")

    page = client.get(job.get_absolute_url()).text

    assert stop(job, "now") in page and stop(job, "save") not in page
    assert "There was nothing to cancel" in client.post(stop(job), follow=True).text


@pytest.mark.parametrize(
    ("fields", "ways"),
    [
        ({}, ["cancel"]),
        ({"attempt": 1}, ["save", "cancel"]),
        ({"attempt": 1, "finish_requested": True}, ["cancel"]),
        ({"status": Status.RUNNING}, ["save", "cancel", "now"]),
        ({"status": Status.STOPPING, "finish_requested": True}, ["cancel", "now"]),
        ({"status": Status.STOPPING, "cancel_requested": True}, ["now"]),
        ({"status": Status.STOPPING, "cancel_requested": True, "kill_requested": True}, []),
        ({"status": Status.SUCCEEDED}, []),
    ],
)
def test_what_can_still_be_asked_for_is_open(fields, ways):
    assert [way.name for way in stops.open_to(TrainingJob(**fields))] == ways


@pytest.mark.parametrize("how", ["save", "cancel", "now"])
def test_only_whoever_started_it_and_staff_may_stop_it(client, expert, django_user_model, how):
    job = records.job(Status.RUNNING, created_by=expert)
    client.force_login(django_user_model.objects.create_user("colleague"))

    assert client.post(stop(job, how)).status_code == 403
    job.refresh_from_db()
    assert job.status == Status.RUNNING
    assert 'id="stop-train"' not in client.get(job.get_absolute_url()).text


def test_there_is_no_fourth_way(client, expert):
    job = records.job(Status.RUNNING, created_by=expert)

    assert client.post(stop(job, "softly")).status_code == 404
    assert client.get(stop(job)).status_code == 405


@pytest.mark.parametrize("url", [stop, resume, extend])
def test_it_needs_a_login(client, url):
    job = records.job(Status.RUNNING)
    client.logout()

    assert client.post(url(job)).status_code == 302
    job.refresh_from_db()
    assert job.status == Status.RUNNING


def test_an_early_end_is_told_on_every_page(client, expert):
    job = records.job(Status.SUCCEEDED, stopped_at=12, stop_asked_by="maria", created_by=expert)

    assert "Stopped at step 12 of 40 on request of maria." in client.get(job.get_absolute_url()).text
    assert "early, at step 12" in client.get(reverse("training_jobs:job-list")).text


def test_a_failed_train_goes_on_from_its_checkpoint(client, expert, failed):  # noqa: F811
    owned_by(failed, expert)
    assert "Resume from step 3" in client.get(failed.get_absolute_url()).text

    page = client.post(resume(failed), follow=True)

    failed.refresh_from_db()
    assert failed.status == Status.QUEUED
    assert "Resumed by expert, after: Broken." in page.text


def test_nobody_else_resumes_it(client, failed):  # noqa: F811
    assert client.post(resume(failed)).status_code == 403

    failed.refresh_from_db()
    assert failed.status == Status.FAILED
    assert 'id="resume-train"' not in client.get(failed.get_absolute_url()).text


def test_one_that_cannot_be_resumed_says_why(client, expert):
    job = records.job(Status.FAILED, created_by=expert)

    page = client.post(resume(job), follow=True).text

    assert "It cannot be resumed: The base model “Acorn-135M” is not at /nowhere any more." in page
    assert 'id="resume-train"' not in page


def test_a_train_is_made_longer(client, expert, succeeded):  # noqa: F811
    assert extend(succeeded) in client.get(succeeded.get_absolute_url()).text
    form = client.get(extend(succeeded)).context["form"]

    page = client.post(extend(succeeded), form.initial | {"steps": 4}, follow=True)

    new = succeeded.continued_by.get()
    assert (new.parameters["max_steps"], new.created_by) == (10, expert)
    assert "Goes on from" in page.text and succeeded.get_absolute_url() in page.text
    assert "from step 6" in client.get(succeeded.get_absolute_url()).text


def test_it_begins_at_the_checkpoint_that_was_chosen(client, succeeded):  # noqa: F811
    chosen_one = succeeded.checkpoints.get(step=5)

    form = client.get(extend(succeeded), {"checkpoint": chosen_one.pk}).context["form"]

    assert form.initial["checkpoint"] == chosen_one.pk
    assert form.initial["steps"] == 1


@pytest.mark.parametrize(
    ("given", "field", "sentence"),
    [
        ({"steps": "many"}, "steps", "The number of steps is a whole number."),
        ({"steps": "1000"}, "steps", "100"),
        ({"name": "no name!"}, "name", "is not a train name"),
        ({"checkpoint": "0"}, "checkpoint", "This checkpoint is not there any more"),
    ],
)
def test_a_mistake_is_said_at_its_field(client, succeeded, given, field, sentence):  # noqa: F811
    form = client.get(extend(succeeded)).context["form"]

    answer = client.post(extend(succeeded), form.initial | given)

    assert sentence in answer.context["form"].errors[field][0]
    assert TrainingJob.objects.count() == 1


def test_without_a_checkpoint_there_is_nothing_to_begin_at(client):
    job = records.job(Status.SUCCEEDED)

    page = client.get(extend(job))

    assert "is not at /nowhere any more" in page.text
    assert client.post(extend(job), {"steps": 1, "name": "a", "checkpoint": 1}).status_code == 200
