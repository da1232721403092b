"""The frame around every page: look, language, messages, keys, search, and times."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.training_jobs import records
from training_jobs.models import Status, TrainingJob

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


def theme(page: Page) -> str:
    return page.evaluate("document.documentElement.dataset.bsTheme")


def test_the_look_changes_at_once_and_stays(expert_page: Page, transactional_db):
    expert_page.goto("/jobs/")
    expert_page.get_by_label("Account of expert").click()
    expert_page.get_by_role("button", name="Dark").click()
    assert theme(expert_page) == "dark"

    expert_page.goto("/models/")

    assert 'data-bs-theme="dark"' in expert_page.request.get("/models/").text()
    assert theme(expert_page) == "dark"


def test_the_system_decides_unless_somebody_chose(expert_page: Page, transactional_db):
    expert_page.emulate_media(color_scheme="dark")
    expert_page.goto("/jobs/")
    whole = expert_page.locator("html")
    expect(whole).to_have_attribute("data-bs-theme", "dark")

    expert_page.emulate_media(color_scheme="light")

    expect(whole).to_have_attribute("data-bs-theme", "light")


def test_pages_and_their_scripts_speak_the_chosen_language(expert_page: Page, transactional_db):
    expert_page.goto("/jobs/")
    expert_page.get_by_label("Account of expert").click()

    expert_page.get_by_role("button", name="Deutsch").click()

    expect(expert_page.get_by_role("link", name="Modelle")).to_be_visible()
    expert_page.wait_for_function("window.gettext?.('just now') === 'gerade eben'")


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_menus_open_within_the_window_beside_whatever_name(expert_page: Page, expert, width: int):
    job = records.job(Status.RUNNING, name="name-" * 20, created_by=expert)
    expert_page.set_viewport_size({"width": width, "height": 900})

    for address in (job.get_absolute_url(), "/jobs/"):
        expert_page.goto(address)
        expert_page.locator("main .menu > summary").click()

        box = expert_page.locator("main .menu-items").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_a_message_stands_in_the_corner_until_it_is_dismissed(expert_page: Page, transactional_db):
    expert_page.goto("/accounts/password/")
    expert_page.locator("[name=old_password]").fill("expert-password")
    for name in ("new_password1", "new_password2"):
        expert_page.locator(f"[name={name}]").fill("a-password-of-my-own-7")
    expert_page.get_by_role("main").get_by_role("button").click()
    notifications = expert_page.get_by_role("region", name="Notifications")
    expect(notifications).to_contain_text("Your password is changed.")

    notifications.get_by_role("button", name="Dismiss").click()

    expect(notifications).to_be_empty()


def test_a_form_on_its_way_says_so_and_is_sent_once(expert_page: Page, transactional_db):
    expert_page.goto("/accounts/password/")
    expert_page.evaluate(
        "document.addEventListener('submit', (event) => {"
        " (window.sent ??= []).push(!event.defaultPrevented); event.preventDefault(); })"
    )
    button = expert_page.get_by_role("main").get_by_role("button")

    button.click()
    button.click()

    expect(button).to_have_attribute("aria-busy", "true")
    assert expert_page.evaluate("sent") == [True, False]


def test_a_message_with_a_part_of_a_page_is_shown_too(expert_page: Page, transactional_db):
    expert_page.goto("/jobs/")
    news = {"toasts": [{"level": "success", "text": "<b>Kept.</b>"}]}

    expert_page.evaluate("news => htmx.trigger(document.body, 'toasts', news)", news)

    expect(expert_page.get_by_role("region", name="Notifications")).to_contain_text("<b>Kept.</b>")


def test_keys_lead_through_the_console(expert_page: Page, transactional_db):
    records.dataset()
    expert_page.goto("/")
    expert_page.keyboard.press("g")
    expert_page.keyboard.press("d")
    expert_page.wait_for_url("**/datasets/")  # and for the scripts that hear the next key

    expert_page.keyboard.press("/")

    expect(expert_page.get_by_role("main").get_by_role("searchbox")).to_be_focused()


def test_keys_do_nothing_while_one_types(expert_page: Page, transactional_db):
    records.dataset()
    expert_page.goto("/datasets/")
    expert_page.get_by_role("main").get_by_role("searchbox").focus()

    expert_page.keyboard.type("gh?/n")

    expect(expert_page.get_by_role("main").get_by_role("searchbox")).to_have_value("gh?/n")
    expect(expert_page.get_by_role("dialog")).to_have_count(0)


def test_keys_act_at_once_after_a_dialog_was_closed(expert_page: Page, transactional_db):
    expert_page.goto("/")
    expert_page.keyboard.press("?")
    expert_page.keyboard.press("Escape")

    expert_page.locator("#keys").get_by_text("Close", exact=True).dispatch_event("keydown", {"key": "/"})

    expect(expert_page.locator("#find-words")).to_be_focused()


def test_keys_can_be_switched_off(expert_page: Page, transactional_db):
    expert_page.goto("/workers/")
    expert_page.keyboard.press("?")
    expert_page.get_by_label("Single keys do something").uncheck()
    expert_page.keyboard.press("Escape")
    expect(expert_page.get_by_role("dialog")).to_have_count(0)

    expert_page.reload()
    expert_page.keyboard.press("?")

    expect(expert_page.get_by_role("dialog")).to_have_count(0)


def test_whatever_has_a_name_is_found_from_everywhere(expert_page: Page, transactional_db):
    records.job(name="calm-kettle")
    expert_page.goto("/workers/")

    expert_page.keyboard.press("Control+k")
    expert_page.keyboard.type("kettle")

    expect(expert_page.get_by_role("dialog").get_by_role("link", name="calm-kettle")).to_be_visible()


def open_search(page: Page) -> None:
    records.job(name="calm-kettle")
    records.dataset(name="kettles")
    page.goto("/workers/")
    page.keyboard.press("Control+k")
    page.keyboard.type("kettle")


def test_arrows_lead_to_what_was_found_and_enter_opens_it(expert_page: Page, transactional_db):
    open_search(expert_page)
    train, dataset = (expert_page.get_by_role("dialog").get_by_role("link", name=n) for n in ("calm-kettle", "kettles"))
    expect(train).to_be_visible()
    expert_page.keyboard.press("ArrowDown")
    expect(train).to_be_focused()
    expert_page.keyboard.press("ArrowUp")
    expect(expert_page.get_by_role("dialog").get_by_role("searchbox")).to_be_focused()
    expert_page.keyboard.press("ArrowDown")
    expert_page.keyboard.press("ArrowDown")
    expect(dataset).to_be_focused()

    expert_page.keyboard.press("Enter")

    expect(expert_page.get_by_role("heading", name="kettles")).to_be_visible()


def test_keys_that_are_quicker_than_the_search_are_not_lost(expert_page: Page, transactional_db):
    open_search(expert_page)

    expert_page.keyboard.press("ArrowDown")
    expert_page.keyboard.press("Enter")

    expect(expert_page.get_by_role("heading", name="calm-kettle")).to_be_visible()


def test_what_is_found_for_the_latest_words_is_opened(expert_page: Page, transactional_db):
    """The answer to those typed before comes late."""
    held: list[Route] = []
    records.job(name="calm-kettle")
    records.dataset(name="kettles")
    expert_page.route("**/search/?q=ke", lambda route: held.append(route))
    expert_page.goto("/workers/")
    expert_page.keyboard.press("Control+k")
    with expert_page.expect_request("**/search/?q=ke"):
        expert_page.keyboard.type("ke")

    expert_page.keyboard.type("ttles")
    expert_page.keyboard.press("ArrowDown")
    expert_page.keyboard.press("Enter")
    expert_page.wait_for_timeout(500)  # until they would be looked up if nothing else were
    held[0].continue_()

    expect(expert_page.get_by_role("heading", name="kettles")).to_be_visible()


def test_enter_alone_shows_all_that_was_found_on_a_page(expert_page: Page, transactional_db):
    open_search(expert_page)
    expert_page.keyboard.press("Enter")
    expect(expert_page).to_have_url(re.compile(r"/search/\?q=kettle"))

    expert_page.keyboard.press("/")
    expert_page.keyboard.press("ArrowDown")

    expect(expert_page.get_by_role("main").get_by_role("link", name="calm-kettle")).to_be_focused()


def test_times_stay_true_and_can_be_told_as_dates(expert_page: Page, transactional_db):
    job = records.job(Status.FAILED, failure={"message": "No."})
    TrainingJob.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(minutes=3))
    expert_page.clock.install()
    expert_page.goto("/")
    time = expert_page.locator("time").first
    expect(time).to_have_text("3 minutes ago")

    expert_page.clock.fast_forward("02:00:00")
    expect(time).to_have_text("2 hours ago")

    expert_page.keyboard.press("t")
    expect(time).to_have_text(re.compile(r"^\d+ \w+ \d{4}, \d\d:\d\d \w+"))
