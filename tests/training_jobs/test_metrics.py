"""Curves: packed, read after a cursor, thinned out."""

import math
import random

import pytest

from tests.training_jobs.engine import queued_job
from training_jobs import metrics
from training_jobs.metrics import Curve
from training_jobs.models import MetricChunk
from training_methods.trainers.events import Metrics

pytestmark = pytest.mark.django_db


def losses(first: int, last: int, offset: float = 0) -> list[Metrics]:
    return [Metrics(step=step, values={"loss": step + offset}) for step in range(first, last + 1)]


def test_it_packs_at_most_500_points_into_a_chunk():
    job = queued_job()

    metrics.append(job.pk, 1, losses(1, 1200))

    assert [(c.first_step, c.last_step) for c in job.metric_chunks.all()] == [(1, 500), (501, 1000), (1001, 1200)]


def test_it_reads_what_it_packed():
    job = queued_job()
    metrics.append(job.pk, 1, [*losses(1, 2), Metrics(step=2, values={"eval_loss": 1.5})])

    reading = metrics.read(job.pk)

    assert reading.curves == {"loss": Curve([1, 2], [1, 2]), "eval_loss": Curve([2], [1.5])}


def test_it_keeps_a_loss_that_is_not_a_number():
    job = queued_job()
    metrics.append(job.pk, 1, [*losses(1, 1), Metrics(step=2, values={"loss": None})])

    assert metrics.read(job.pk).curves == {"loss": Curve([1, 2], [1, None])}


def test_it_reads_only_what_came_after_the_cursor():
    job = queued_job()
    metrics.append(job.pk, 1, losses(1, 2))
    first = metrics.read(job.pk)
    metrics.append(job.pk, 1, losses(3, 4))

    second = metrics.read(job.pk, after=first.cursor)

    assert second.curves == {"loss": Curve([3, 4], [3, 4])}
    assert second.replaced_from is None
    assert metrics.read(job.pk, after=second.cursor).cursor == second.cursor


def test_it_shows_steps_that_were_done_twice_once():
    job = queued_job()
    metrics.append(job.pk, 1, losses(1, 5))
    metrics.append(job.pk, 2, losses(4, 6, offset=0.5))

    assert metrics.read(job.pk).curves == {"loss": Curve([1, 2, 3, 4, 5, 6], [1, 2, 3, 4.5, 5.5, 6.5])}


def test_it_says_from_where_a_later_attempt_replaces_what_was_read():
    job = queued_job()
    metrics.append(job.pk, 1, losses(1, 5))
    seen = metrics.read(job.pk).cursor
    metrics.append(job.pk, 2, losses(4, 6))

    assert metrics.read(job.pk, after=seen).replaced_from == 4
    assert metrics.read(job.pk).replaced_from is None


def test_it_thins_a_long_curve_and_keeps_its_peak():
    points = [Metrics(step=step, values={"loss": 100.0 if step == 7_777 else math.sin(step)}) for step in range(10_000)]
    job = queued_job()
    metrics.append(job.pk, 1, points)

    curve = metrics.read(job.pk, most=500).curves["loss"]

    assert len(curve.steps) == len(curve.values) <= 500
    assert (curve.steps[0], curve.steps[-1]) == (0, 9_999)
    assert curve.values[curve.steps.index(7_777)] == 100.0


def test_it_reads_a_curve_with_two_queries(django_assert_num_queries):
    job = queued_job()
    metrics.append(job.pk, 1, losses(1, 1200))

    with django_assert_num_queries(2):
        metrics.read(job.pk, most=100)
    assert MetricChunk.objects.count() == 3


@pytest.fixture
def long_job():
    """A hundred long chunks, one of them with the highest value of all."""
    job = queued_job()
    points = [Metrics(step=step, values={"loss": 9.0 if step == 7_777 else math.sin(step)}) for step in range(50_000)]
    metrics.append(job.pk, 1, points)
    return job


def test_a_very_long_curve_keeps_its_peak_and_its_ends(long_job):
    curve = metrics.read(long_job.pk, most=2000).curves["loss"]

    assert (curve.steps[0], curve.steps[-1]) == (0, 49_999)
    assert curve.values[curve.steps.index(7_777)] == 9.0


def test_between_two_steps_there_are_finer_points(long_job):
    whole = metrics.read(long_job.pk, most=2000).curves["loss"]

    window = metrics.read(long_job.pk, most=2000, between=(10_000, 11_000)).curves["loss"]

    assert window.steps == list(range(10_000, 11_001))
    assert sum(10_000 <= step <= 11_000 for step in whole.steps) < 100


def test_a_step_that_was_done_again_is_not_drawn_from_a_summary(long_job):
    metrics.append(long_job.pk, 2, losses(20_000, 20_002))

    curve = metrics.read(long_job.pk, most=2000).curves["loss"]

    assert curve.steps[-3:] == [20_000, 20_001, 20_002]
    assert curve.values[-3:] == [20_000, 20_001, 20_002]


@pytest.mark.parametrize("points", [20_000, 50_000])  # read point by point, and from summaries
def test_what_is_drawn_has_the_lowest_and_the_highest_point_of_a_noisy_curve(points):
    noise, job = random.Random(7), queued_job()  # noqa: S311
    values = [noise.gauss() for _ in range(points)]
    metrics.append(job.pk, 1, [Metrics(step=step, values={"loss": value}) for step, value in enumerate(values)])

    curve = metrics.read(job.pk, most=500).curves["loss"]

    assert (min(curve.values), max(curve.values), curve.values[-1]) == (min(values), max(values), values[-1])
    assert len(curve.steps) <= 500


def test_a_curve_of_no_number_at_all_is_thinned_too():
    nothing = Curve(list(range(900)), [None] * 900, [0.0] * 900)

    assert len(metrics.thin(nothing, 500).steps) <= 500


def test_all_points_are_read_where_no_number_is_given(long_job):
    assert len(metrics.read(long_job.pk).curves["loss"].steps) == 50_000
