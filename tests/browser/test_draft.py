"""A half-filled form that starts a train: what becomes of it when its page is loaded anew, or sent signed out."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import NEEDS_CHROMIUM, follow, sign_in_as
from tests.training_jobs import records
from training_jobs.models import TrainingJob

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
DRAFTS = "Object.keys(sessionStorage).filter((name) => name.startsWith('draft'))"


def fill_in(form: Page, name: str = "half") -> None:
    form.get_by_label("Train name").fill(name)
    form.get_by_label("Training method").select_option("lora")
    form.get_by_label("Epochs").fill("7")
    form.get_by_text("All settings", exact=True).click()
    form.get_by_label("Rank").fill("12")
    form.get_by_label("Base model*").select_option(index=1)
    form.get_by_label("Dataset*").select_option(index=1)


def expect_filled_in(form: Page, name: str = "half") -> None:
    expect(form.get_by_text("Your settings from before are here.")).to_be_visible()
    for field, value in {"name": name, "p-epochs": "7", "p-rank": "12", "method": "lora"}.items():
        expect(form.locator(f"#id_{field}")).to_have_value(value)
    expect(form.locator("#id_base_model")).not_to_have_value("")
    expect(form.locator("#id_dataset")).not_to_have_value("")
    expect(form.locator("#id_p-rank")).to_be_visible()


def is_look(request: Request) -> bool:
    """Whether it asks how a form looks that holds what was kept."""
    return request.method == "POST" and request.url.endswith("/jobs/new/")


def sign_out(page: Page) -> None:
    """As time does it. What the rail still has to ask would lead to the sign-in page before the form is sent."""
    page.route("**/jobs/new/rail/", lambda route: route.fulfill(status=204))
    page.context.clear_cookies(name="sessionid")


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(f"{name}-password")
    page.get_by_role("button", name="Sign in").click()


def test_what_is_typed_before_it_is_back_stays(form: Page):
    """The server's answer is kept until then."""
    fill_in(form)
    held = []
    form.route(
        "**/jobs/new/", lambda route: held.append(route) if route.request.method == "POST" else route.continue_()
    )
    with form.expect_request(is_look):
        form.reload()

    form.get_by_label("Train name").fill("another")
    (route,) = held
    with form.expect_response(lambda response: is_look(response.request)):
        route.continue_()

    form.wait_for_timeout(500)  # for what must not happen
    expect(form.get_by_label("Train name")).to_have_value("another")
    expect(form.get_by_text("Your settings from before are here.")).to_be_hidden()


def test_another_language_loses_nothing(form: Page):
    fill_in(form)

    form.get_by_label("Account of expert").click()
    form.get_by_role("button", name="Deutsch").click()

    expect(form.get_by_role("status")).to_be_visible()
    expect(form.locator("html")).to_have_attribute("lang", "de")
    expect(form.locator("#id_p-rank")).to_have_value("12")
    expect(form.locator("#rail")).to_contain_text(re.compile(r"Schritte\s+70\s"))


def test_what_was_restored_is_kept_again_and_can_be_started(form: Page):
    fill_in(form)
    form.reload()
    expect_filled_in(form)
    form.reload()
    expect_filled_in(form)

    form.get_by_role("button", name="Run the Train").click()

    expect(form.get_by_role("heading", name="half")).to_be_visible()
    assert TrainingJob.objects.get().parameters["rank"] == 12
    form.goto("/jobs/new/")
    expect(form.get_by_label("Train name")).to_have_value("train-2")
    expect(form.get_by_text("Your settings from before")).to_be_hidden()


def test_settings_as_json_come_back_as_they_were_typed(form: Page):
    form.get_by_label("Training method").select_option("lora")
    form.get_by_text("JSON", exact=True).click()
    form.get_by_label("Settings as JSON").fill('{"rank": 12')

    form.reload()

    expect(form.get_by_label("Settings as JSON")).to_have_value('{"rank": 12')


def test_one_starts_afresh(form: Page):
    fill_in(form)
    form.reload()

    form.get_by_role("link", name="Start afresh").click()

    expect(form.get_by_label("Train name")).to_have_value("train-1")
    form.reload()
    expect(form.get_by_label("Training method")).to_have_value("")


def test_what_is_sent_signed_out_is_there_after_signing_in(form: Page):
    fill_in(form)
    sign_out(form)
    form.get_by_role("button", name="Run the Train").click()

    sign_in(form, "expert")

    expect_filled_in(form)
    form.get_by_role("button", name="Run the Train").click()
    expect(form.get_by_role("heading", name="half")).to_be_visible()


def test_a_copy_that_is_sent_signed_out_is_there_too(form: Page):
    fill_in(form, "first")
    form.get_by_role("button", name="Run the Train").click()
    follow(form.get_by_role("link", name="Copy the Train"))
    form.get_by_label("Epochs").fill("9")
    form.reload()
    expect(form.locator("#id_p-epochs")).to_have_value("9")
    sign_out(form)
    form.get_by_role("button", name="Run the Train").click()

    sign_in(form, "expert")

    expect(form.get_by_label("Train name")).to_have_value("first-copy")
    expect(form.locator("#id_p-epochs")).to_have_value("9")
    expect(form.get_by_text("in the train copied: 7")).to_be_visible()


def test_a_copy_is_not_taken_for_a_new_train(form: Page):
    job = records.job(method=records.TrainingMethod.objects.get(), name="other")
    fill_in(form)

    form.goto(f"/jobs/{job.pk}/copy/")

    expect(form.get_by_label("Train name")).to_have_value("other-copy")


def test_nobody_else_sees_it(form: Page, admin):
    fill_in(form)
    sign_out(form)
    form.reload()
    assert form.evaluate(DRAFTS) == ["draft /jobs/new/"]

    sign_in(form, "admin")

    expect(form.get_by_label("Train name")).to_have_value("train-1")
    form.wait_for_function(f"{DRAFTS}.length === 0")  # the form is there before the script that clears them has run


def test_signing_out_leaves_nothing(form: Page, expert, client, live_server):
    fill_in(form)
    form.get_by_label("Account of expert").click()
    form.get_by_role("button", name="Sign out").click()
    expect(form.get_by_role("heading", name="Sign in")).to_be_visible()

    assert form.evaluate(DRAFTS) == []
    sign_in_as(expert, client, form, live_server.url)
    form.goto("/jobs/new/")
    expect(form.get_by_label("Train name")).to_have_value("train-1")
