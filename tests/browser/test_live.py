"""The parts of a page that change while a job runs."""

import re
from itertools import groupby

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NEEDS_CHROMIUM, hide
from tests.training_jobs import records
from training_jobs import logs, metrics
from training_jobs.models import JobEvent, Status, TrainingJob
from training_jobs.reports import LogPiece
from training_methods.trainers.events import Metrics

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
FROM_THE_END = "log => log.scrollHeight - log.scrollTop - log.clientHeight"


@pytest.fixture
def job(transactional_db) -> TrainingJob:
    return records.job(Status.RUNNING)


def print_lines(job: TrainingJob, first: int, last: int) -> None:
    text = "".join(f"line {number}\n" for number in range(first, last))
    logs.append(job.pk, 1, [LogPiece(offset=0, size=len(text), text=text)])


def report(job: TrainingJob, first: int, *losses: float | None, attempt: int = 1) -> None:
    metrics.append(job.pk, attempt, [Metrics(step=first + n, values={"loss": loss}) for n, loss in enumerate(losses)])


def end(job: TrainingJob) -> None:
    TrainingJob.objects.filter(pk=job.pk).update(
        status=Status.SUCCEEDED, step=40, owner="", lease_until=None, finished_at=timezone.now()
    )


def test_the_end_is_shown_without_a_reload(expert_page: Page, job: TrainingJob):
    expert_page.goto(job.get_absolute_url())

    end(job)

    expect(expert_page.get_by_label("Where the train stands")).to_contain_text("Succeeded")
    expect(expert_page.locator("#job-overview .timeline")).to_contain_text("Succeeded")
    expect(expert_page.get_by_role("link", name="Cancel")).to_have_count(0)


def answer(job: TrainingJob, step: int, words: str) -> None:
    data = {"step": step, "prompt": "Who are you?", "answer": words}
    JobEvent.objects.create(job=job, attempt=1, kind="sample", at=timezone.now(), data=data)


def test_a_new_sample_joins_those_there_and_what_is_unfolded_stays_so(expert_page: Page, job: TrainingJob):
    answer(job, 5, "A kettle. " * 60 + "That is all.")
    expert_page.goto(f"{job.get_absolute_url()}?tab=samples")
    samples = expert_page.get_by_role("region", name="Answers by step")
    samples.get_by_text("Whole answer").click()

    answer(job, 10, "A calm kettle.")

    expect(samples).to_contain_text("A calm kettle.")
    expect(samples.get_by_text("That is all.")).to_be_visible()


def test_a_curve_grows_and_a_resumed_attempt_takes_its_place(expert_page: Page, job: TrainingJob):
    report(job, 1, 3.0, None, 1.5)
    expert_page.goto(f"{job.get_absolute_url()}?tab=evaluation")
    curve = expert_page.locator('figure[data-metric="loss"]')
    expect(curve).to_contain_text("last 1.5 at step 3 · lowest 1.5 at step 3 · 1 not a number")

    report(job, 2, 2.0, attempt=2)

    expect(curve).to_contain_text("last 2 at step 2 · lowest 2 at step 2")
    expect(curve).not_to_contain_text("not a number")


def test_the_log_follows_its_end_until_one_scrolls_up(expert_page: Page, job: TrainingJob):
    print_lines(job, 0, 200)
    expert_page.goto(f"{job.get_absolute_url()}?tab=log")
    log, to_end = expert_page.get_by_role("log"), expert_page.locator("[data-to-end]")
    expect(log).to_contain_text("line 199")

    print_lines(job, 200, 400)
    expect(log).to_contain_text("line 399")
    assert log.evaluate(FROM_THE_END) < 24

    log.evaluate("log => { log.scrollTop = 0; }")
    expect(to_end).to_be_visible()
    print_lines(job, 400, 600)
    expect(to_end).to_have_text(re.compile("New lines"))
    assert log.evaluate("log => log.scrollTop") == 0

    to_end.click()
    expect(log).to_contain_text("line 599")
    assert log.evaluate(FROM_THE_END) < 24


@pytest.mark.parametrize("tab", ["log", "evaluation"])
def test_a_hidden_tab_asks_for_nothing(expert_page: Page, job: TrainingJob, tab: str):
    asked: list[str] = []
    expert_page.goto(f"{job.get_absolute_url()}?tab={tab}")
    hide(expert_page, True)
    expert_page.wait_for_timeout(500)  # for what was asked before

    expert_page.on("request", lambda request: asked.append(request.url))
    expert_page.wait_for_timeout(3000)
    assert asked == []

    hide(expert_page, False)
    expert_page.wait_for_timeout(5000)
    assert asked


@pytest.mark.parametrize("tab", ["log", "evaluation"])
def test_the_head_and_a_tab_take_turns(expert_page: Page, job: TrainingJob, tab: str):
    asked: list[bool] = []
    expert_page.goto(f"{job.get_absolute_url()}?tab={tab}")
    expert_page.on("request", lambda request: asked.append("/state" in request.url))

    while len(asked) < 9:
        expert_page.wait_for_timeout(500)

    longest = max(len(list(turns)) for _, turns in groupby(asked))
    assert longest <= 2


@pytest.mark.parametrize("tab", ["log", "evaluation"])
def test_a_page_asks_at_most_once_in_two_seconds(expert_page: Page, job: TrainingJob, tab: str):
    asked: list[str] = []
    other = records.job(Status.RUNNING, name="another")
    expert_page.goto(f"{job.get_absolute_url()}?tab={tab}&with={other.pk}")
    expert_page.wait_for_timeout(1000)  # for what the page asks when it opens

    expert_page.on("request", lambda request: asked.append(request.url))
    expert_page.wait_for_timeout(17_000)

    assert len(asked) <= 9
    assert {url.split("?")[0].rsplit("/", 1)[1] for url in asked} == {"state", "log" if tab == "log" else "metrics"}


@pytest.mark.parametrize("tab", ["log", "evaluation"])
def test_a_page_of_a_train_that_has_ended_asks_no_more(expert_page: Page, job: TrainingJob, tab: str):
    asked: list[str] = []
    end(job)
    expert_page.goto(f"{job.get_absolute_url()}?tab={tab}")
    expert_page.wait_for_timeout(1000)

    expert_page.on("request", lambda request: asked.append(request.url))
    expert_page.wait_for_timeout(5000)
    assert asked == []


def test_a_page_that_stays_open_keeps_a_bounded_number_of_points(expert_page: Page, job: TrainingJob):
    report(job, 1, *[1.0] * 2000)
    expert_page.goto(f"{job.get_absolute_url()}?tab=evaluation")
    curve = expert_page.locator('figure[data-metric="loss"]')
    expect(curve).to_contain_text("at step 2,000")

    for start in range(2001, 14_001, 3000):
        report(job, start, *[1.0] * 3000)
        expect(curve).to_contain_text(f"last 1 at step {start + 2999:,}")

    # the turn in which it asks for the whole again is yet to come
    expect(curve).to_have_attribute("data-points", re.compile(r"^([1-3]?\d{1,3}|4000)$"))


@pytest.mark.parametrize(("tab", "place"), [("log", "[role=log]"), ("evaluation", 'figure[data-metric="loss"]')])
def test_an_answer_that_breaks_off_is_asked_for_again(expert_page: Page, job: TrainingJob, tab: str, place: str):
    broken: list[Route] = []

    def break_off(route: Route) -> None:
        if broken:
            return route.fallback()
        broken.append(route)
        return route.fulfill(content_type="application/json", body='{"ended": fal')

    expert_page.route(re.compile(r"/jobs/[\w-]+/(log|metrics)"), break_off)
    expert_page.goto(f"{job.get_absolute_url()}?tab={tab}")
    expect(expert_page.locator("[data-trouble]")).to_have_text("The console does not answer; trying again.")

    print_lines(job, 3, 4)
    report(job, 3, 1.5)

    expect(expert_page.locator(place)).to_contain_text("line 3" if tab == "log" else "last 1.5 at step 3")
    expect(expert_page.locator("[data-trouble]")).to_be_empty()


def test_rows_of_the_list_move(expert_page: Page, job: TrainingJob):
    expert_page.goto("/jobs/")
    expect(expert_page.get_by_role("table")).to_contain_text("12 of 40")

    end(job)

    expect(expert_page.get_by_role("table")).to_contain_text("40 of 40")


def test_who_is_signed_out_is_led_to_the_sign_in_page(expert_page: Page, job: TrainingJob):
    expert_page.goto(job.get_absolute_url())

    expert_page.context.clear_cookies()

    expect(expert_page).to_have_url(re.compile(re.escape(f"?next={job.get_absolute_url()}")))
