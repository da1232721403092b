"""A train's points as CSV: all of them, of one metric or of all."""

import csv

import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs import metrics
from training_jobs.models import Status
from training_methods.trainers.events import Metrics

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(client, expert):
    client.force_login(expert)
    job = records.job(Status.SUCCEEDED)
    points = [Metrics(step=step, at=1000.5 + step, values={"loss": 3.0 - step}) for step in (1, 2)]
    metrics.append(job.pk, 1, [*points, Metrics(step=2, at=1002.5, values={"rewards/a": None})])
    return job


def rows(client, job, **asked) -> list[list[str]]:
    answer = client.get(reverse("training_jobs:job-csv", args=[job.pk]), asked)
    return list(csv.reader(answer.getvalue().decode().splitlines()))


def test_it_has_a_row_for_each_report(client, job):
    assert rows(client, job) == [
        ["step", "time", "loss", "rewards/a"],
        ["1", "1970-01-01T00:16:41.500+00:00", "2.0", ""],
        ["2", "1970-01-01T00:16:42.500+00:00", "1.0", ""],
        ["2", "1970-01-01T00:16:42.500+00:00", "", "nan"],
    ]


def test_it_has_one_metric_alone(client, job):
    assert [row[2] for row in rows(client, job, metric="loss")] == ["loss", "2.0", "1.0"]


def test_it_has_every_point_of_a_long_curve_once(client, job):
    metrics.append(job.pk, 1, [Metrics(step=step, values={"loss": 1.0}) for step in range(3, 40_000)])
    metrics.append(job.pk, 2, [Metrics(step=30_000, values={"loss": 2.0})])

    steps = [int(row[0]) for row in rows(client, job, metric="loss")[1:]]

    assert steps == list(range(1, 30_001))


def test_no_name_of_a_metric_is_a_formula(client, job):
    metrics.append(job.pk, 1, [Metrics(step=3, values={"=1+2": 1.0})])

    assert "'=1+2" in rows(client, job)[0]


def test_its_name_is_the_trains(client, job):
    answer = client.get(reverse("training_jobs:job-csv", args=[job.pk]), {"metric": "rewards/a"})

    assert answer.headers["Content-Disposition"] == 'attachment; filename="acorn-rewards-a.csv"'


def test_an_unknown_metric_is_not_found(client, job):
    assert client.get(reverse("training_jobs:job-csv", args=[job.pk]), {"metric": "no"}).status_code == 404


def test_it_needs_a_login(client, job):
    client.logout()

    assert client.get(reverse("training_jobs:job-csv", args=[job.pk])).status_code == 302
