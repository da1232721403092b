"""The drop-down that fills in a form's settings, by keyboard."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.training_jobs import records
from training_jobs.models import ParameterProfile

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture
def form(expert_page: Page) -> Page:
    lora = records.method()
    records.base_model()
    records.dataset()
    ParameterProfile.objects.create(method=lora, name="Quick", values={"epochs": 7.5, "learning_rate": 0.03})
    expert_page.goto("/jobs/new/?method=lora")
    return expert_page


def test_it_fills_in_the_settings_and_keeps_name_and_place(form: Page):
    form.get_by_label("Train name").fill("kept")
    form.get_by_label("Profile", exact=True).focus()

    form.keyboard.press("ArrowDown")

    expect(form.get_by_label("Epochs")).to_have_value("7.5")
    expect(form.get_by_label("Train name")).to_have_value("kept")
    expect(form.get_by_label("Profile", exact=True)).to_be_focused()


def test_what_is_changed_after_it_stays_beside_a_mistake(form: Page):
    form.get_by_label("Profile", exact=True).select_option("Quick")
    expect(form.get_by_label("Epochs")).to_have_value("7.5")
    form.get_by_label("Learning rate").fill("0.04")

    form.get_by_role("button", name="Run the Train").click()

    expect(form.get_by_text("Choose a base model.")).to_be_visible()
    expect(form.get_by_label("Learning rate")).to_have_value("0.04")
    expect(form.get_by_label("Epochs")).to_have_value("7.5")
