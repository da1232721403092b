"""The comparison of trains: curves over one another, and a report on paper."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.browser.test_curves import finished
from training_jobs.models import TrainingJob

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
