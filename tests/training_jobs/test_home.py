from datetime import timedelta

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs.models import CustomizedModel, Status, TrainingJob

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def test_an_empty_site_offers_the_next_steps(client):
    page = client.get("/").text

    for step in ("seed_methods", "add a base model", "import a dataset", "make demo"):
        assert step in page


def test_it_shows_what_runs_and_where(client):
    records.job(Status.RUNNING, name="acorn")

    page = client.get("/").text

    for shown in (">acorn<", "12 of 40", "trainer-01"):
        assert shown in page


def test_it_counts_those_that_wait_further_behind(client):
    for number in range(9):
        records.job(name=f"acorn-{number}")

    page = client.get("/").text

    assert page.count(">acorn-") == 6
    assert "3 more wait" in page


def test_it_shows_what_failed_lately_and_why(client):
    records.job(Status.FAILED, name="acorn", failure={"message": "Out of memory."})
    old = timezone.now() - timedelta(days=8)
    records.job(Status.FAILED, name="birch", failure={"message": "Long ago."}, finished_at=old)

    page = client.get("/").text

    assert "Out of memory." in page
    assert "Long ago." not in page


def test_it_says_that_no_worker_takes_what_waits(client):
    job = records.job()
    assert "Trains wait." not in client.get("/").text

    TrainingJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=2))

    assert "Trains wait. No worker is there. “make worker” starts one" in client.get("/").text


def test_it_says_what_each_waits_for(client):
    records.job(Status.RUNNING, worker=records.worker(), seconds_left=600)
    records.job()

    assert "It starts in about 10 min." in client.get("/").text


def test_it_shows_recent_models(client):
    job = records.job(Status.SUCCEEDED)
    CustomizedModel.objects.create(
        name="Acorn_x", job=job, base_model_name="Acorn", kind="adapter", path="/x", size_bytes=1
    )

    assert "Acorn_x" in client.get("/").text


def test_what_is_live_asks_for_itself_alone(client):
    records.job(Status.RUNNING)

    part = client.get("/", headers={"HX-Request": "true"}).text

    assert 'hx-trigger="every 4s"' in part
    assert "<html" not in part


def test_it_needs_a_login(client):
    client.logout()

    assert client.get("/").status_code == 302


def test_it_takes_few_queries(client, admin, django_assert_max_num_queries):
    client.force_login(admin)
    for status in Status:
        records.job(status, failure={"message": "no"} if status == Status.FAILED else None)

    with django_assert_max_num_queries(9):
        client.get("/")
