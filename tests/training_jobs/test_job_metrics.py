import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs import metrics
from training_jobs.models import Status
from training_methods.trainers.events import Metrics

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def url_of(job) -> str:
    return reverse("training_jobs:job-metrics", args=[job.pk])


def report(job, *losses: float | None, attempt: int = 1, first: int = 1) -> None:
    points = [Metrics(step=first + index, values={"loss": loss}) for index, loss in enumerate(losses)]
    metrics.append(job.pk, attempt, points)


def test_it_gives_the_points_after_the_cursor(client):
    job = records.job(Status.RUNNING)
    report(job, 3.0, None)
    first = client.get(url_of(job)).json()

    report(job, 2.0, first=3)
    second = client.get(url_of(job), {"after": first["cursor"]}).json()

    assert first["curves"] == {"loss": {"steps": [1, 2], "values": [3.0, None]}}
    assert second["curves"] == {"loss": {"steps": [3], "values": [2.0]}}


def test_it_says_from_where_a_resumed_attempt_did_it_again(client):
    job = records.job(Status.RUNNING)
    report(job, 3.0, 2.0, 1.0)
    cursor = client.get(url_of(job)).json()["cursor"]

    report(job, 1.9, attempt=2, first=2)

    assert client.get(url_of(job), {"after": cursor}).json()["replaced_from"] == 2


def test_a_long_curve_is_thinned_out(client):
    job = records.job(Status.RUNNING)
    report(job, *(1 / (step + 1) for step in range(5000)))

    assert len(client.get(url_of(job)).json()["curves"]["loss"]["steps"]) == 2000


@pytest.mark.parametrize(("status", "ended"), [(Status.RUNNING, False), (Status.FAILED, True)])
def test_it_says_whether_there_will_be_more(client, status, ended):
    assert client.get(url_of(records.job(status))).json()["ended"] is ended


def test_it_needs_a_login(client):
    job = records.job()
    client.logout()

    assert client.get(url_of(job)).status_code == 302
