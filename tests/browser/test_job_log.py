"""The train log as one reads it: searched, coloured, linked to, and long."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.training_jobs import records
from training_jobs import logs
from training_jobs.models import Status, TrainingJob
from training_jobs.reports import PIECE, LogPiece

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture
def job(transactional_db) -> TrainingJob:
    return records.job(Status.SUCCEEDED)


def write(job: TrainingJob, text: str) -> None:
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    logs.append(job.pk, 1, [LogPiece(offset=n * PIECE, size=len(piece), text=piece) for n, piece in enumerate(pieces)])


def open_log(page: Page, job: TrainingJob, more: str = "") -> None:
    page.goto(f"{job.get_absolute_url()}?tab=log{more}")
    expect(page.get_by_placeholder("Search the whole log")).to_be_visible()


def test_a_search_goes_through_the_whole_log(expert_page: Page, job: TrainingJob):
    write(job, "".join(f"{'Needle' if n in (7, 9000) else 'straw'} {n}\n" for n in range(1, 10_001)))
    open_log(expert_page, job)

    expert_page.get_by_placeholder("Search the whole log").fill("needle")
    expert_page.get_by_role("button", name="Next hit").click()

    expect(expert_page.locator("#L7 mark")).to_have_text("Needle")
    expect(expert_page.locator("#L7")).to_be_in_viewport()
    expect(expert_page.locator("[data-hits]")).to_have_text("1 of 2")
    expect(expert_page).to_have_url(re.compile("#L7$"))
    expert_page.get_by_placeholder("Search the whole log").press("Enter")
    expect(expert_page.locator("#L9000")).to_be_in_viewport()
    expect(expert_page.locator("[data-hits]")).to_have_text("2 of 2")
    expert_page.get_by_role("button", name="Previous hit").click()
    expect(expert_page.locator("#L7")).to_be_in_viewport()


def test_a_search_that_finds_nothing_says_so(expert_page: Page, job: TrainingJob):
    write(job, "straw\n")
    open_log(expert_page, job)

    expert_page.get_by_placeholder("Search the whole log").fill("needle")
    expert_page.get_by_placeholder("Search the whole log").press("Enter")

    expect(expert_page.locator("[data-hits]")).to_have_text("not found")


def test_what_is_not_searched_for_any_more_is_not_marked(expert_page: Page, job: TrainingJob):
    write(job, "needle\n")
    open_log(expert_page, job)
    words = expert_page.get_by_placeholder("Search the whole log")
    words.fill("needle")
    words.press("Enter")
    expect(expert_page.locator("#L1 mark")).to_be_visible()

    words.fill("")

    expect(expert_page.locator("mark")).to_have_count(0)


def test_an_answer_to_earlier_words_is_let_go(expert_page: Page, job: TrainingJob):
    held: list[Route] = []
    write(job, "needle\n")
    open_log(expert_page, job)
    expert_page.route("**/log?search=needle", lambda route: held.append(route))
    words = expert_page.get_by_placeholder("Search the whole log")
    words.fill("needle")
    with expert_page.expect_request("**/log?search=needle"):
        words.press("Enter")

    words.fill("")
    with expert_page.expect_response("**/log?search=needle"):
        held[0].continue_()

    expert_page.wait_for_timeout(500)  # for what must not happen
    expect(expert_page.locator("mark")).to_have_count(0)
    expect(expert_page.locator("[data-hits]")).to_be_empty()


def test_colours_are_shown_and_other_codes_are_not(expert_page: Page, job: TrainingJob):
    write(job, "\x1b[1;31merror\x1b[0m in \x1b[92m<b>\x1b[39m\x1b[2K\x1b]0;title\x07\n")
    open_log(expert_page, job)

    line = expert_page.locator("#L1 code")
    expect(line).to_have_text("error in <b>")
    expect(line.locator(".ansi-1.ansi-bold")).to_have_text("error")
    expect(line.locator(".ansi-10")).to_have_text("<b>")


def test_a_hit_runs_through_colours(expert_page: Page, job: TrainingJob):
    write(job, "an \x1b[31mer\x1b[0mror\n")
    open_log(expert_page, job)

    expert_page.get_by_placeholder("Search the whole log").fill("error")
    expert_page.get_by_placeholder("Search the whole log").press("Enter")

    expect(expert_page.locator("#L1 mark")).to_have_text(["er", "ror"])


def test_a_link_leads_to_a_line_and_a_shift_click_to_several(expert_page: Page, job: TrainingJob):
    write(job, "".join(f"line {n}\n" for n in range(1, 10_001)))
    open_log(expert_page, job, "#L5000")
    expect(expert_page.locator("#L5000")).to_be_in_viewport()
    expect(expert_page.locator(".is-selected")).to_have_count(1)

    expert_page.locator("#L5003 a").click(modifiers=["Shift"])

    expect(expert_page.locator(".is-selected")).to_have_count(4)
    expect(expert_page).to_have_url(re.compile("#L5000-L5003$"))


def test_a_long_log_is_read_through_with_few_lines_in_the_page(expert_page: Page, job: TrainingJob):
    write(job, "".join(f"line {n} {'x' * 60}\n" for n in range(1, 50_001)))
    open_log(expert_page, job)
    log = expert_page.get_by_role("log")
    expect(log).to_contain_text("line 50000")

    for _ in range(12):
        log.evaluate("log => { log.scrollTop = 0; }")
        expert_page.wait_for_timeout(300)

    expect(log.locator(".log-line")).to_have_count(2000)
    assert int(log.locator(".log-line").first.get_attribute("id")[1:]) < 47_000
    expert_page.get_by_role("button", name="From the beginning").click()
    expect(log.locator("#L1")).to_be_in_viewport()
    expert_page.get_by_role("button", name="Go to the end").click()
    expect(log.locator("#L50000")).to_be_in_viewport()


def test_it_can_be_downloaded(expert_page: Page, job: TrainingJob):
    write(job, "all of it\n")
    open_log(expert_page, job)

    with expert_page.expect_download() as download:
        expert_page.get_by_role("link", name="Download").click()

    assert Path(download.value.path()).read_text() == "all of it\n"
