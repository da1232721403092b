"""Choosing rows of a list, and arranging the queue, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.training_jobs import records
from training_jobs.models import Status, TrainingJob

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture
def trains(transactional_db) -> list[TrainingJob]:
    return [records.job(Status.FAILED, name=f"acorn-{number}") for number in range(6)]


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("checkbox", name=f"Choose {name}")


def chosen(page: Page) -> int:
    return page.locator("input[name=chosen]:checked").count()


def test_rows_are_chosen_by_one_by_range_and_by_page(expert_page: Page, trains):
    expert_page.goto("/jobs/")
    bar = expert_page.locator("[data-bulk]")
    expect(bar).to_be_hidden()

    box(expert_page, "acorn-4").click()
    expect(bar).to_contain_text("Chosen: 1")
    expect(bar.get_by_role("button", name="Compare")).to_be_disabled()

    box(expert_page, "acorn-1").click(modifiers=["Shift"])
    expect(bar).to_contain_text("Chosen: 4")
    expect(bar.get_by_role("button", name="Compare")).to_be_enabled()

    expert_page.get_by_role("checkbox", name="Choose every row").focus()
    expert_page.keyboard.press("Space")
    assert chosen(expert_page) == 6

    bar.get_by_role("button", name="Choose none").click()
    expect(bar).to_be_hidden()
    assert chosen(expert_page) == 0


def test_what_is_chosen_and_the_focus_outlive_the_rows(expert_page: Page, trains):
    running = records.job(Status.RUNNING, name="birch")
    expert_page.goto("/jobs/")
    box(expert_page, "acorn-2").click()
    box(expert_page, "acorn-3").focus()

    TrainingJob.objects.filter(pk=running.pk).update(step=39)

    expect(expert_page.get_by_role("table")).to_contain_text("39 of 40")
    expect(box(expert_page, "acorn-2")).to_be_checked()
    expect(box(expert_page, "acorn-3")).to_be_focused()
    expect(expert_page.locator("[data-bulk]")).to_contain_text("Chosen: 1")


def test_those_chosen_are_deleted_after_a_question(expert_page: Page, expert, trains):
    TrainingJob.objects.update(created_by=expert)
    expert_page.goto("/jobs/?q=acorn")
    box(expert_page, "acorn-2").click()
    box(expert_page, "acorn-5").click()

    expert_page.locator("[data-bulk]").get_by_role("button", name="Delete").click()
    expect(expert_page.get_by_role("heading", name="Delete these 2 trains?")).to_be_visible()
    expert_page.get_by_role("button", name="Delete").click()

    expect(expert_page.get_by_text("Deleted 2 trains.")).to_be_visible()
    expect(expert_page).to_have_url(re.compile(r"\?q=acorn$"))
    assert TrainingJob.objects.count() == 4


def test_a_filter_is_chosen_and_taken_back(expert_page: Page, trains):
    records.job(Status.SUCCEEDED, name="birch")
    expert_page.goto("/jobs/")

    expert_page.get_by_role("combobox", name="Status").select_option("Succeeded")
    expect(expert_page.get_by_role("link", name="acorn-1", exact=True)).to_have_count(0)

    expert_page.get_by_role("link", name="Status: Succeeded").click()
    expect(expert_page.get_by_role("link", name="acorn-1", exact=True)).to_be_visible()


def test_columns_are_chosen(expert_page: Page, trains):
    expert_page.goto("/jobs/")
    expert_page.locator("summary", has_text="Columns").click()

    expert_page.get_by_label("Queue").check()
    expert_page.get_by_role("button", name="Show these columns").click()

    expect(expert_page.get_by_role("columnheader", name="Queue")).to_be_visible()
    expect(expert_page).to_have_url(re.compile(r"/jobs/$"))


@pytest.fixture
def queue_page(expert_page: Page, expert) -> Page:
    """The queue of four trains, as an administrator sees it."""
    expert.is_staff = expert.is_superuser = True
    expert.save()
    for name in ("first", "second", "third", "fourth"):
        records.job(name=name)
    expert_page.goto("/jobs/queue/")
    return expert_page


def in_turn(page: Page, *names: str) -> None:
    expect(page.locator("#queue tbody .queue-what a")).to_have_text(list(names))


def test_the_queue_is_arranged_by_keyboard(queue_page: Page):
    queue_page.get_by_role("button", name="Move up: third").focus()
    queue_page.keyboard.press("Enter")
    in_turn(queue_page, "first", "third", "second", "fourth")
    expect(queue_page.get_by_role("button", name="Move up: third")).to_be_focused()
    expect(queue_page.get_by_role("status")).to_have_text("“third” has place 2 of its priority now.")

    queue_page.get_by_role("button", name="Move to the first place: fourth").click()
    in_turn(queue_page, "fourth", "first", "third", "second")


def test_the_queue_is_arranged_by_drag(queue_page: Page):
    rows = queue_page.locator("#queue tbody tr")

    rows.nth(3).locator("[data-grip]").drag_to(rows.nth(1), target_position={"x": 100, "y": 4})
    in_turn(queue_page, "first", "fourth", "second", "third")

    rows.nth(0).locator("[data-grip]").drag_to(rows.nth(3), target_position={"x": 100, "y": 40})
    in_turn(queue_page, "fourth", "second", "third", "first")


def test_a_row_that_is_dragged_stays_when_news_comes(queue_page: Page):
    held: list[Route] = []
    rows, news = queue_page.locator("#queue tbody tr"), re.compile(r"/jobs/queue/\?page=")
    queue_page.route(news, lambda route: held.append(route))
    with queue_page.expect_request(news):
        rows.nth(3).locator("[data-grip]").hover()
    queue_page.mouse.down()
    rows.nth(2).hover()

    with queue_page.expect_response(news):
        held[0].continue_()
    queue_page.wait_for_timeout(500)  # for what must not happen
    for height in (8, 4):
        rows.nth(1).hover(position={"x": 100, "y": height})
    queue_page.mouse.up()

    in_turn(queue_page, "first", "fourth", "second", "third")


def test_a_train_is_held_and_released(queue_page: Page):
    queue_page.get_by_role("button", name="Hold: second").click()
    expect(queue_page.locator("#queue")).to_contain_text("Held by expert")

    queue_page.get_by_role("button", name="Release: second").click()
    expect(queue_page.locator("#queue")).not_to_contain_text("Held by expert")
