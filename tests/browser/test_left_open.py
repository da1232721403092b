"""A page left open during a long job: what it holds stays flat, and it asks at the agreed pace.

The test moves the page's clock on, so that half an hour passes in half a minute. Memory is read after a collection.
"""

from collections.abc import Callable

import pytest
from playwright.sync_api import CDPSession, Locator, Page

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.training_jobs import records
from training_jobs import logs, metrics
from training_jobs.models import Status, TrainingJob
from training_jobs.reports import LogPiece
from training_methods.trainers.events import Metrics

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]

NAMES = ("loss", "grad_norm", "learning_rate", "mean_token_accuracy", "entropy", "num_tokens")
AT_ONCE, ROUNDS, SETTLED = 500, 60, 15  # reports of a round; by then a page holds as much as it ever will
PACE = 2.0  # seconds between two questions
MOST_MORE = 1_000_000  # bytes; all points would take four times that


@pytest.fixture
def job(transactional_db) -> TrainingJob:
    return records.job(Status.RUNNING)


def report(job: TrainingJob, number: int) -> str:
    """More points of every curve; gives what the page then says."""
    steps = range(number * AT_ONCE + 1, (number + 1) * AT_ONCE + 1)
    metrics.append(job.pk, 1, [Metrics(step=step, values=dict.fromkeys(NAMES, 1 / step)) for step in steps])
    return f"at step {steps[-1]:,}"


def print_lines(job: TrainingJob, number: int) -> str:
    text = "".join(f"round {number}, line {line}: the loss is {1 / (line + 1):.6f}\n" for line in range(AT_ONCE))
    logs.append(job.pk, 1, [LogPiece(offset=0, size=len(text), text=text)])
    return f"round {number}, line {AT_ONCE - 1}:"


@pytest.mark.parametrize(
    ("tab", "place", "go_on"),
    [("evaluation", 'figure[data-metric="loss"]', report), ("log", "[role=log]", print_lines)],
)
def test_it_holds_no_more_after_half_an_hour(
    expert_page: Page, job: TrainingJob, tab: str, place: str, go_on: Callable[[TrainingJob, int], str]
):
    asked: list[str] = []
    expert_page.clock.install()
    expert_page.goto(f"{job.get_absolute_url()}?tab={tab}")
    browser, seen = expert_page.context.new_cdp_session(expert_page), expert_page.locator(place)
    began, at_first = seconds(expert_page), 0
    expert_page.on("request", lambda request: asked.append(request.url))

    for number in range(ROUNDS):
        let_pass_until(seen, go_on(job, number))
        if number == SETTLED:
            at_first = heap(browser)

    assert heap(browser) - at_first < MOST_MORE
    assert len(asked) <= (seconds(expert_page) - began) / PACE + 1


def let_pass_until(seen: Locator, words: str) -> None:
    for _ in range(100):
        seen.page.clock.run_for(PACE * 1000)
        if words in "".join(seen.all_text_contents()):
            return
        seen.page.wait_for_timeout(20)  # for an answer that is on its way
    raise AssertionError(f"The page never said: {words}")


def seconds(page: Page) -> float:
    return page.evaluate("Date.now() / 1000")


def heap(browser: CDPSession) -> float:
    """Bytes that scripts hold."""
    browser.send("HeapProfiler.collectGarbage")
    browser.send("Performance.enable")
    return next(
        one["value"] for one in browser.send("Performance.getMetrics")["metrics"] if one["name"] == "JSHeapUsedSize"
    )
