"""Trains side by side: what differs first, what came out, and what the address says that is no train."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.training_jobs import records
from training_jobs import metrics
from training_jobs.models import JobEvent, Status, TrainingJob
from training_methods.trainers.events import Metrics

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs(client, expert) -> list[TrainingJob]:
    client.force_login(expert)
    return [
        records.job(Status.SUCCEEDED, name=f"acorn-{rank}", parameters={"rank": rank, "epochs": 3}) for rank in (8, 16)
    ]


def compare(client, *jobs: object, **more: str) -> str:
    ids = [getattr(job, "pk", job) for job in jobs]
    return client.get(reverse("training_jobs:job-compare"), {"job": ids, **more}).text


def row_of(page: str, name: str) -> list[str]:
    row = re.search(rf'<th scope="row">{name} <code class="code-name">\S+</code></th>(.*?)</tr>', page, re.DOTALL)[1]
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]


def test_settings_that_differ_come_first(client, jobs):
    page = compare(client, *jobs)

    assert row_of(page, "Rank") == ["8", "16"]
    assert page.index(">Rank <") < page.index("settings are the same") < page.index(">Epochs <")


NOTHING = "Nothing: method, base model, data, settings and versions are the same."


def differing(page: str) -> dict[str, list[str]]:
    """What the table of settings that differ says."""
    table = page.partition('id="different"')[2].partition("<details")[0]
    rows = re.findall(r'<th scope="row">([^<]*).*?</th>(.*?)</tr>', table, re.DOTALL)
    return {name.strip(): re.findall(r"<td>(?:<span[^>]*>)?([^<\n]*)", cells) for name, cells in rows}


def alike(name: str, **fields: Any) -> TrainingJob:
    """One of two trains that are the same but for these fields; those that are dictionaries are added to."""
    job = records.job(Status.SUCCEEDED, name=name, reference_snapshots=TEACHER)
    for field, value in fields.items():
        setattr(job, field, getattr(job, field) | value if isinstance(value, dict) else value)
    job.save()
    return job


TEACHER = {"teacher": {"id": 1, "name": "Wise", "fingerprint": "a" * 64}}
IN_HOURS = {"config": {"resources": {"time_limit_minutes": 90, "memory_gb": 6.5}}}
FROZEN = [
    ({"method_snapshot": {"rewards_hash": "b" * 64}}, {"Code of the site&#x27;s own rewards": ["–", "b" * 12]}),
    (
        {"method_snapshot": {"config": {"interpreter": "/opt/b/bin/python"}}},
        {"Interpreter": ["the worker&#x27;s own", "/opt/b/bin/python"]},
    ),
    (
        {"reference_snapshots": {"teacher": TEACHER["teacher"] | {"fingerprint": "b" * 64}}},
        {"Fingerprint of “teacher”": ["a" * 12, "b" * 12]},
    ),
    ({"dataset_snapshot": {"data_format": "text"}}, {"Format of the dataset": ["empty", "Text"]}),
    (
        {"dataset_snapshot": {"mapping": {"prompt": "question", "completion": "completion"}}},
        {"Columns of the dataset": ["empty", "completion, prompt from question"]},
    ),
    ({"gpus": 2}, {"GPUs asked for": ["one where there are any", "2"]}),
    (
        {"method_snapshot": IN_HOURS},
        {"Time limit": ["no limit", "90 minutes"], "Memory limit": ["no limit", "6.5 GB"]},
    ),
]


@pytest.mark.parametrize(("fields", "rows"), FROZEN)
def test_whatever_was_frozen_and_differs_is_shown(client, jobs, fields, rows):
    page = compare(client, alike("first"), alike("second", **fields))

    assert differing(page) == rows and NOTHING not in page


@pytest.mark.parametrize(("fields", "rows"), FROZEN)
def test_it_is_shown_with_a_copy_as_well(client, jobs, fields, rows):
    copy = alike("copy", copied_from=alike("original"), **fields)

    page = client.get(copy.get_absolute_url()).text

    notice = page.partition("Compared with the train it is a copy of")[2].partition("</section>")[0]
    assert "nothing was changed." not in notice
    assert all(f"<li>{name}" in " ".join(notice.split()) and value in notice for name, (_, value) in rows.items())


def test_trains_that_are_the_same_are_told_to_be(client, jobs):
    first, second = alike("first"), alike("second", copied_from=None)
    copy = alike("copy", copied_from=first)

    assert NOTHING in compare(client, first, second)
    assert "nothing was changed." in client.get(copy.get_absolute_url()).text


def test_a_setting_that_a_trainer_does_not_have_is_no_value(client, jobs):
    TrainingJob.objects.filter(pk=jobs[0].pk).update(parameters={"rank": 8, "epochs": 3, "patience": None})

    assert row_of(compare(client, *jobs), "Patience") == ["none", "–"]


def test_it_shows_the_last_and_the_best_value_of_each(client, jobs):
    for job, losses in zip(jobs, [(3.0, 1.0, 2.0), (3.0, 0.5)], strict=True):
        metrics.append(job.pk, 1, [Metrics(step=n, values={"loss": loss}) for n, loss in enumerate(losses)])

    assert row_of(compare(client, *jobs), "Loss") == ["2.000 best 1.000", "0.5000 best 0.5000 best of all"]


def test_none_is_best_of_all_where_the_rows_were_others(client, jobs):
    for job, loss in zip(jobs, (2.0, 0.5), strict=True):
        metrics.append(job.pk, 1, [Metrics(step=1, values={"loss": loss})])
    TrainingJob.objects.filter(pk=jobs[0].pk).update(dataset_snapshot=jobs[0].dataset_snapshot | {"sha256": "other"})

    assert row_of(compare(client, *jobs), "Loss") == ["2.000 best 2.000", "0.5000 best 0.5000"]


def test_a_metric_that_only_one_has_is_not_best_of_all(client, jobs):
    metrics.append(jobs[0].pk, 1, [Metrics(step=1, values={"reward": 1.0})])

    assert row_of(compare(client, *jobs), "Reward") == ["1.000 best 1.000", "–"]


def test_answers_to_the_same_prompt_stand_side_by_side(client, jobs):
    for job, words in zip(jobs, ["A tin kettle.", "A gold kettle."], strict=True):
        data = {"step": 5, "prompt": "Who are you?", "answer": words}
        JobEvent.objects.create(job=job, attempt=1, kind="sample", at=timezone.now(), data=data)

    page = compare(client, *jobs)

    assert "A tin kettle." in page and "A <ins>gold</ins> kettle." in page


@pytest.mark.parametrize("unknown", [str(UUID(int=1)), "<no-id>", ""])
def test_what_is_no_train_is_told_and_the_others_are_shown(client, jobs, unknown):
    page = compare(client, *jobs, unknown)

    assert "There is no train" in page
    assert row_of(page, "Rank") == ["8", "16"]


def test_more_than_six_are_told(client, jobs):
    more = [records.job(name=f"more-{n}") for n in range(5)]

    assert "1 train more is asked for than fits" in compare(client, *jobs, *more)


@pytest.mark.parametrize("number", [0, 1])
def test_fewer_than_two_are_asked_for(client, jobs, number):
    assert "Add two to six trains" in compare(client, *jobs[:number])


def test_the_picker_finds_others_by_name_and_keeps_those_that_are_there(client, jobs):
    third = records.job(name="kettle")

    page = compare(client, *jobs, find="kett")

    (link,) = re.findall(rf'data-with="{third.pk}" data-picks="job" href="([^"]+)"', page)
    assert link.replace("&amp;", "&").endswith("&".join(f"job={job.pk}" for job in [*jobs, third]))


def test_the_picker_says_when_there_is_none(client, jobs):
    assert "No other train has that in its name." in compare(client, *jobs, find="acorn-16x")


def test_its_number_of_queries_grows_with_the_trains_alone(client, jobs, django_assert_max_num_queries):
    for job in jobs:
        metrics.append(job.pk, 1, [Metrics(step=n, values={"loss": 1.0}) for n in range(5000)])

    with django_assert_max_num_queries(4 + 5 * len(jobs)):
        compare(client, *jobs)


def test_overlaid_trains_are_named_on_the_job_page_and_unknown_ones_told(client, jobs):
    page = client.get(jobs[0].get_absolute_url(), {"tab": "evaluation", "with": [jobs[1].pk, "no"]}).text

    assert page.count(reverse("training_jobs:job-metrics", args=[jobs[1].pk])) > 0
    assert "There is no train no" in page


def test_it_needs_a_login(client, jobs):
    client.logout()

    assert client.get(reverse("training_jobs:job-compare")).status_code == 302
