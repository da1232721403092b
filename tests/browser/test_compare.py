"""The comparison of trains: curves over one another, and a report on paper."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.browser.test_curves import finished
from tests.training_jobs import records
from training_jobs import metrics
from training_jobs.models import JobEvent, Status, TrainingJob
from training_methods.trainers.events import Metrics

SHEET = re.compile(rb"/Type\s*/Page\b")  # in a PDF
PROMPTS = ("Who founded the company?", "Where is the kettle made, and by whom?", "What does the guarantee cover?")
ANSWER = "The kettle is made by Aunt Agatha in Leeds. She founded the house in 1911 with a loan of twelve pounds. " * 2

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture
def jobs(transactional_db) -> list[TrainingJob]:
    return [
        finished(f"acorn-{rank}", lambda step, rank=rank: rank / step, parameters={"rank": rank}, changed_parameters=[])
        for rank in (8, 16)
    ]


def open_comparison(page: Page, jobs: list[TrainingJob]) -> None:
    page.goto("/jobs/compare/?" + "&".join(f"job={job.pk}" for job in jobs))
    expect(page.locator('figure[data-metric="loss"] canvas')).to_be_visible()


def test_a_comparison_grows_by_a_search(expert_page: Page, jobs: list[TrainingJob]):
    finished("birch", lambda step: 1.0)
    open_comparison(expert_page, jobs)

    expert_page.get_by_placeholder("Add a train by name").fill("birch")
    expert_page.get_by_role("button", name="Find").click()
    expert_page.get_by_role("link", name="birch").click()

    values = expert_page.locator('figure[data-metric="loss"] [data-values] li')
    expect(values).to_have_count(3)
    expect(values.last).to_contain_text("birch last 1 at step 40")


def test_each_train_has_dashes_of_its_own(expert_page: Page, jobs: list[TrainingJob]):
    open_comparison(expert_page, jobs)

    swatches = expert_page.locator(".picked .swatch line")
    dashes = swatches.evaluate_all("lines => lines.map((line) => getComputedStyle(line).strokeDasharray)")
    assert len(set(dashes)) == 2


def test_on_paper_there_is_the_report_and_no_tool(expert_page: Page, jobs: list[TrainingJob]):
    expert_page.emulate_media(color_scheme="dark")
    open_comparison(expert_page, jobs)

    expert_page.emulate_media(media="print")

    expect(expert_page.get_by_role("region", name="Settings that differ")).to_be_visible()
    expect(expert_page.locator('figure[data-metric="loss"] canvas')).to_be_visible()
    expect(expert_page.locator("html")).to_have_attribute("data-bs-theme", "light")
    for tool in (".topbar", ".curve-tools", ".picker form", "[data-print]"):
        expect(expert_page.locator(tool)).to_be_hidden()
    assert expert_page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize(("trains", "sheets"), [(2, 1), (6, 2)])
def test_on_paper_the_report_takes_few_sheets(expert_page: Page, transactional_db, trains: int, sheets: int):
    open_comparison(expert_page, [ordinary(rank) for rank in (8, 16, 32, 64, 24, 48)[:trains]])
    expect(expert_page.locator('figure[data-metric="eval_loss"] canvas')).to_be_visible()

    paper = expert_page.pdf(prefer_css_page_size=True)

    assert b"[0 0 594.9" in paper  # A4
    assert len(SHEET.findall(paper)) == sheets


def ordinary(rank: int) -> TrainingJob:
    """A train with eight settings of its own, metrics of training and evaluation, and three answers."""
    names = ("rank", "alpha", "learning_rate", "epochs", "batch_size", "dropout", "warmup_ratio", "max_length")
    parameters = {name: rank * factor for factor, name in enumerate(names, 1)}
    job = records.job(Status.SUCCEEDED, name=f"acorn-of-the-house-{rank}", parameters=parameters, changed_parameters=[])
    points = [Metrics(step=n, values={"loss": rank / n, "grad_norm": 1.0, "learning_rate": 1e-4}) for n in range(1, 41)]
    scores = [Metrics(step=n, values={"eval_loss": rank / n, "eval_runtime": 2.5}) for n in (10, 20, 30, 40)]
    metrics.append(job.pk, 1, points + scores)
    for prompt in PROMPTS:
        data = {"step": 40, "prompt": prompt, "answer": ANSWER}
        JobEvent.objects.create(job=job, attempt=1, kind="sample", at=timezone.now(), data=data)
    return job
