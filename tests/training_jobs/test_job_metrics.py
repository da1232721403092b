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

    assert (first["curves"]["loss"]["steps"], first["curves"]["loss"]["values"]) == ([1, 2], [3.0, None])
    assert (second["curves"]["loss"]["steps"], second["curves"]["loss"]["values"]) == ([3], [2.0])
    assert len(first["curves"]["loss"]["times"]) == 2


def test_it_says_from_where_a_resumed_attempt_did_it_again(client):
    job = records.job(Status.RUNNING)
    report(job, 3.0, 2.0, 1.0)
    cursor = client.get(url_of(job)).json()["cursor"]

    report(job, 1.9, attempt=2, first=2)

    assert client.get(url_of(job), {"after": cursor}).json()["replaced_from"] == 2


def test_a_long_curve_is_thinned_out(client):
    job = records.job(Status.RUNNING)
    report(job, *(1 / (step + 1) for step in range(5000)))

    assert 1900 < len(client.get(url_of(job)).json()["curves"]["loss"]["steps"]) <= 2000


def test_between_two_steps_there_are_finer_points(client):
    job = records.job(Status.RUNNING)
    report(job, *(1 / (step + 1) for step in range(5000)))

    window = client.get(url_of(job), {"from": "101", "to": "1100"}).json()["curves"]["loss"]

    assert window["steps"] == list(range(101, 1101))


@pytest.mark.parametrize("to", ["x", "-1", "", "9" * 40])
def test_a_window_that_is_none_is_answered_all_the_same(client, to):
    job = records.job(Status.RUNNING)
    report(job, 3.0)

    assert client.get(url_of(job), {"from": "1", "to": to}).status_code == 200


def test_metrics_come_grouped_and_the_important_ones_first(client):
    job = records.job(Status.RUNNING)
    names = ["epoch", "grad_norm", "completions/mean_length", "rewards/format", "eval_loss", "reward", "loss", "odd"]
    metrics.append(job.pk, 1, [Metrics(step=1, values=dict.fromkeys(names, 1.0))])

    curves = client.get(url_of(job)).json()["curves"]

    assert list(curves) == ["loss", "reward", "eval_loss", *reversed(names[1:4]), "odd", "epoch"]
    assert curves["rewards/format"]["group"] == "rewards"


@pytest.mark.parametrize(("status", "ended"), [(Status.RUNNING, False), (Status.FAILED, True)])
def test_it_says_whether_there_will_be_more(client, status, ended):
    assert client.get(url_of(records.job(status))).json()["ended"] is ended


def test_metrics_are_called_in_the_readers_language(client):
    job = records.job(Status.RUNNING)
    report(job, 3.0)

    curves = client.get(url_of(job), headers={"Accept-Language": "zh-hans"}).json()["curves"]

    assert curves["loss"]["label"] == "损失"


def test_it_needs_a_login(client):
    job = records.job()
    client.logout()

    assert client.get(url_of(job)).status_code == 302
