"""How a training is getting on, in words."""

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs import health, metrics
from training_jobs.metrics import Curve
from training_jobs.models import Status
from training_methods.trainers.events import Metrics


def seen(**curves) -> str:
    found = health.read({name: Curve(list(range(len(values))), values) for name, values in curves.items()})
    return found.seen if found else ""


FALLING = [4 - step / 10 for step in range(30)]


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({"loss": [0.0] * 12}, "The loss is flat at zero."),
        ({"loss": [*FALLING, None]}, "The loss is not a number any more."),
        ({"loss": [2.0] * 20 + [1.0] * 20 + [3.0] * 10}, "The loss rises: it was 1 and is 3."),
        ({"loss": [0.1] * 10 + [9.0] * 10}, "The loss rises"),
        (
            {"loss": [2.74, 2.87, 13.8, 29, 46, 32, 113, 128, 21, 11, 14.5, 11, 9.3, 9.2, 8.7]},
            "The loss rises: it was 2.87 and is 9.3.",
        ),
        (
            {"loss": FALLING, "eval_loss": [3, 2, 2.2, 2.5]},
            "The loss falls, and on rows held out it rises: from 2 to 2.5.",
        ),
        (
            {"loss": [0.0] * 12, "reward": [0.5] * 12, "reward_std": [0.0] * 12},
            "All answers to a prompt are rated alike",
        ),
    ],
)
def test_it_sees_trouble(curves, words):
    assert seen(**curves).startswith(words)


@pytest.mark.parametrize("points", range(20, 30))
def test_where_a_curve_began_stays_so_while_it_grows(points):
    curve = [*(4 - step / 10 for step in range(10)), *[2.0] * 30]

    assert seen(loss=curve[:points]) == "The loss went from 3.8 to 2."


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({"loss": FALLING}, "The loss went from 3.8 to 1.3."),
        ({"loss": FALLING, "eval_loss": [3, 2, 2.2, 1.9]}, "The loss went from"),
        (
            {"loss": [0.0] * 12, "reward": [0.1] * 6 + [0.9] * 6, "reward_std": [0.3] * 12},
            "The reward went from 0.1 to 0.9.",
        ),
        ({"loss": [2.0, 2.4] * 20}, "The loss went from"),
        ({"loss": [3.0] * 9}, ""),
        ({"loss": [0.0] * 9}, ""),
        ({}, ""),
    ],
)
def test_it_tells_how_a_sound_curve_moves_and_nothing_too_early(curves, words):
    assert seen(**curves).startswith(words)
    assert bool(seen(**curves)) == bool(words)


@pytest.mark.django_db
def test_the_jobs_page_says_it_with_what_to_try(client, expert):
    client.force_login(expert)
    job = records.job(Status.RUNNING)
    points = [Metrics(step=step, at=timezone.now().timestamp(), values={"loss": 0.0}) for step in range(20)]
    metrics.append(job.pk, 1, points)

    page = client.get(job.get_absolute_url()).text

    assert "The loss is flat at zero." in page
    assert "look at the rows" in page
