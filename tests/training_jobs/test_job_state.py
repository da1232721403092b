import re

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.training_jobs import records
from training_jobs.models import Checkpoint, JobEvent, Status, TrainingJob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def asked_next(client, job) -> str:
    """The address that the page asks for news."""
    return re.search(r'hx-get="([^"]+/state\?seen=[^"]+)"', client.get(job.get_absolute_url()).text)[1]


def change(job, **fields):
    TrainingJob.objects.filter(pk=job.pk).update(**fields)


def test_it_sends_nothing_while_nothing_is_new(client):
    url = asked_next(client, records.job(Status.RUNNING))

    assert client.get(url).status_code == 204


def test_it_sends_a_new_step(client):
    job = records.job(Status.RUNNING)
    url = asked_next(client, job)

    change(job, step=13, tokens_per_second=1120.4, seconds_left=65)
    answer = client.get(url)

    for shown in ("Step 13 of 40", "1,120 tokens/s", "1 min 05 s left", 'hx-trigger="every 2s"'):
        assert shown in answer.text
    assert "HX-Trigger" not in answer.headers


def test_it_tells_the_page_of_a_new_event(client):
    job = records.job(Status.RUNNING)
    url = asked_next(client, job)

    JobEvent.objects.create(job=job, attempt=1, kind="note", at=timezone.now(), data={"text": "hello"})

    assert client.get(url).headers["HX-Trigger"] == '{"job-changed": {}}'


def test_it_shows_the_end_and_asks_no_more(client):
    job = records.job(Status.RUNNING)
    url = asked_next(client, job)

    change(job, status=Status.SUCCEEDED, step=40, owner="", finished_at=timezone.now())
    answer = client.get(url)

    assert "Succeeded" in answer.text
    assert "hx-trigger" not in answer.text
    assert "Cancel" not in answer.text
    assert answer.headers["HX-Trigger"] == '{"job-changed": {}}'


def test_it_needs_a_login(client):
    url = reverse("training_jobs:job-state", args=[records.job().pk])
    client.logout()

    assert client.get(url).status_code == 302


def test_it_says_what_the_train_waits_for_now(client):
    job = records.job()
    url = asked_next(client, job)
    assert client.get(url).status_code == 204

    records.worker()
    answer = client.get(url)

    assert "A worker is about to take it." in answer.text
    assert "HX-Trigger" not in answer.headers


def test_a_train_that_was_handed_back_says_where_it_goes_on(client, tmp_path):
    job = records.job(Status.RUNNING, tokens_per_second=1120.4, latest_metrics={"loss": 0.5})
    url = asked_next(client, job)
    saved = {"path": str(tmp_path), "size_bytes": 1, "saved_at": timezone.now()}
    Checkpoint.objects.create(job=job, attempt=1, step=10, **saved)

    change(job, status=Status.QUEUED, owner="", lease_until=None)
    shown = client.get(url).text

    assert "Waits to go on from step 10" in shown and "First started" in shown
    for untrue in ("Started 3 min", "Step 12 of 40", "tokens/s", "Loss"):
        assert untrue not in shown


def test_without_a_checkpoint_it_says_that_it_starts_anew(client):
    job = records.job(Status.QUEUED, attempt=1, started_at=timezone.now(), step=12, total_steps=40)

    assert "Waits to start anew" in client.get(job.get_absolute_url()).text
