"""A train's page shows what the model answered to its sample prompts."""

import re

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs import samples
from training_jobs.models import JobEvent, Status, TrainingJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(client, expert) -> TrainingJob:
    client.force_login(expert)
    return records.job(Status.RUNNING)


def answered(job: TrainingJob, step: int, answer: str, prompt: str = "Who are you?", attempt: int = 1) -> None:
    data = {"step": step, "prompt": prompt, "answer": answer}
    JobEvent.objects.create(job=job, attempt=attempt, kind="sample", at=timezone.now(), data=data)


def shown(client, job: TrainingJob) -> str:
    """The answers one after the other, below the two that stand side by side."""
    page = client.get(f"{job.get_absolute_url()}?tab=samples").text
    return page[page.find("Answers by step") :]


def test_it_shows_the_answers_to_each_prompt_newest_first(client, job):
    for step in (5, 10):
        answered(job, step, f"A kettle, {step} degrees.")
        answered(job, step, f"Seven and {step}.", prompt="Count!")

    page = shown(client, job)

    places = [page.index(text) for text in ("Who are you?", "A kettle, 10", "A kettle, 5", "Count!", "Seven and 10")]
    assert places == sorted(places)


def test_it_shows_none_where_there_are_none(client, job):
    page = client.get(f"{job.get_absolute_url()}?tab=samples").text

    assert "Name a few sample prompts" in page
    assert "Answers by step" not in page


def test_it_shows_two_steps_side_by_side_with_what_differs(client, job):
    for step, words in [(5, "A kettle of tin."), (10, "A pot."), (15, "A kettle of gold.")]:
        answered(job, step, words)

    page = client.get(f"{job.get_absolute_url()}?tab=samples").text
    chosen = client.get(f"{job.get_absolute_url()}?tab=samples&left=10&right=15").text

    assert "A kettle of <del>tin</del>." in page and "A kettle of <ins>gold</ins>." in page
    assert "A <del>pot</del>." in chosen and "A <ins>kettle of gold</ins>." in chosen


@pytest.mark.parametrize("left", ["x", "7", ""])
def test_a_step_without_answers_falls_back_to_the_first(client, job, left):
    answered(job, 5, "A kettle.")

    assert '<option value="5" selected>' in client.get(f"{job.get_absolute_url()}?tab=samples&left={left}").text


def test_answers_of_many_words_are_not_held_against_one_another():
    (pair,) = samples.side_by_side({"p": "a " * 3000}, {"p": "b " * 3000})

    assert [part.is_other for part in pair.left] == [False]


def test_it_does_not_list_them_among_what_happened(client, job):
    answered(job, 5, "A kettle.")

    page = client.get(job.get_absolute_url()).text

    assert "What happened" in page and "A kettle." not in page


def test_it_shows_the_newest_answers_and_the_first(client, job):
    for step in range(1, 31):
        answered(job, step, f"answer {step}.")

    page = shown(client, job)

    steps = [int(number) for number in re.findall(r"answer (\d+)\.", page)]
    assert steps == [30, 29, 28, 27, 26, 25, 24, 23, 1]
    assert "First, step 1<" in page


def test_it_shows_what_was_said_last_of_a_step_that_was_done_twice(job):
    for attempt, words in [(1, "lost"), (2, "kept")]:
        answered(job, 12, words, attempt=attempt)

    (sample,) = samples.read(job)

    assert [(answer.step, answer.text) for answer in sample.newest] == [(12, "kept")]


def test_it_cuts_a_long_answer_and_has_the_whole_on_demand(client, job):
    answered(job, 5, "word " * 100 + "end.")
    answered(job, 10, "short.")

    page = shown(client, job)

    (unfolded,) = re.findall(r'<details class="fold" id="sample.*?</details>', page, re.DOTALL)
    assert "end." in unfolded
    assert page.count("end.") == 1


@pytest.mark.parametrize("answer", ["", "  "])
def test_it_says_that_the_model_said_nothing(client, job, answer):
    answered(job, 5, answer)

    assert "It said nothing." in shown(client, job)


def test_it_shows_words_as_they_are(client, job):
    answered(job, 5, "<b>bold</b>")

    assert "&lt;b&gt;bold&lt;/b&gt;" in shown(client, job)


@pytest.mark.parametrize("number", [1, 300])
def test_it_asks_the_database_twice(job, number, django_assert_num_queries):
    for step in range(number):
        answered(job, step, "A kettle.")

    with django_assert_num_queries(2):
        samples.read(job)
