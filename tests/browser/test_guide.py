"""Starting a train by the guided form: what it says as one chooses, and that nothing typed is lost."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM, hide
from tests.tiny_model import make_tiny_model
from tests.training_jobs import records
from training_jobs import base_models, previews
from training_jobs.models import TrainingJob

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
READ = 120_000  # milliseconds: the training stack is loaded once for it


@pytest.fixture
def form(form: Page, tmp_path: Path) -> Page:
    """With more datasets than a drop-down holds."""
    for number in range(30):
        records.dataset(name=f"pairs-{number:02}", data_format="preference", path=str(tmp_path / "some.jsonl"))
    form.reload()
    return form


def test_it_tells_what_to_expect_as_one_chooses(form: Page):
    rail = form.get_by_role("complementary", name="What to expect")

    form.get_by_role("combobox", name="Training method").select_option("lora")
    form.get_by_role("searchbox", name="Search: Dataset").fill("kettles")
    form.get_by_role("combobox", name="Dataset").select_option(label="kettles · Question and answer · 40 rows")
    form.get_by_role("combobox", name="Base model").select_option(index=1)
    expect(rail).to_contain_text(re.compile(r"Steps\s+30\s"))

    form.get_by_label("Epochs").fill("1")
    expect(rail).to_contain_text(re.compile(r"Steps\s+10\s"))
    expect(form.locator(".setting.is-changed")).to_contain_text("default: 3")
    form.get_by_role("button", name="Reset Epochs").click()
    expect(form.get_by_label("Epochs")).to_have_value("3")


def test_choices_that_do_not_go_together_are_said_at_once(form: Page):
    form.get_by_role("combobox", name="Training method").select_option("lora")
    expect(form.locator("#id_dataset")).to_contain_text("not for this method")
    form.get_by_role("combobox", name="Dataset").select_option(
        label="pairs-29 · Preference · 120 rows · not for this method"
    )

    expect(form.get_by_role("alert")).to_contain_text("LoRA fine-tuning learns from Messages")


def test_settings_go_to_json_and_back(form: Page):
    form.get_by_role("combobox", name="Training method").select_option("lora")
    form.get_by_label("Epochs").fill("7")
    form.get_by_text("JSON", exact=True).click()
    text = form.get_by_label("Settings as JSON")
    expect(text).to_have_value(re.compile('"epochs": 7.0'))

    text.fill('{"rank": 12}')
    form.get_by_text("All settings", exact=True).click()

    expect(form.get_by_label("Rank")).to_have_value("12")
    expect(form.get_by_label("Epochs")).to_have_value("3")


def choose_what_can_be_read(form: Page, folder: Path) -> None:
    base_models.add(str(make_tiny_model(folder / "tiny")), name="Tiny")
    form.reload()
    form.get_by_role("combobox", name="Training method").select_option("lora")
    form.get_by_role("searchbox", name="Search: Dataset").fill("kettles")
    form.get_by_role("combobox", name="Dataset").select_option(label="kettles · Question and answer · 40 rows")
    form.get_by_role("combobox", name="Base model").select_option(label="Tiny · 0.12 M parameters")


def test_a_micro_run_is_asked_about_while_somebody_looks(form: Page, tmp_path: Path):
    choose_what_can_be_read(form, tmp_path)
    form.get_by_role("button", name="Micro-run").click()
    expect(form.get_by_text("It waits for a free worker")).to_be_visible(timeout=READ)

    hide(form, True)
    form.wait_for_timeout(500)  # for what was asked before
    asked: list[str] = []
    form.on("request", lambda request: asked.append(request.url))
    form.wait_for_timeout(5000)
    assert asked == []

    hide(form, False)
    with form.expect_request("**/rehearsal/*/"):
        pass


@pytest.mark.parametrize(
    ("button", "says", "asks"),
    [
        ("Token view", "The first rows are being read", "**/new/tokens/"),
        ("Check", "All rows are being read", "**/new/check/"),
    ],
)
def test_rows_that_are_being_read_are_asked_about_while_somebody_looks(
    form: Page, tmp_path: Path, button: str, says: str, asks: str
):
    choose_what_can_be_read(form, tmp_path)
    form.get_by_role("button", name=button).click()
    expect(form.get_by_text(says)).to_be_visible()

    hide(form, True)
    form.wait_for_timeout(1000)  # for what was asked before, and for the rail, which looks again then
    asked: list[str] = []
    form.on("request", lambda request: asked.append(request.url))
    form.wait_for_timeout(5000)
    assert asked == []

    hide(form, False)
    with form.expect_request(asks):
        pass


def test_all_that_is_waited_for_takes_turns(form: Page, tmp_path: Path):
    choose_what_can_be_read(form, tmp_path)
    asked: list[str] = []
    with previews.AT_ONCE:  # so that no row is read meanwhile
        form.get_by_role("button", name="Micro-run").click()
        form.get_by_role("button", name="Token view").click()
        form.get_by_role("button", name="Check").click()
        for words in ("It waits for a free worker", "The first rows are being read", "All rows are being read"):
            expect(form.get_by_text(words)).to_be_visible()
        form.wait_for_timeout(1000)
        form.on("request", lambda request: asked.extend(re.findall("tokens|check|rehearsal", request.url)))
        form.wait_for_timeout(17_000)

    assert len(asked) <= 9
    assert set(asked) == {"tokens", "check", "rehearsal"}
    expect(form.get_by_text("The report is kept with the train")).to_be_visible(timeout=READ)


def test_tokens_and_check_lead_to_a_job_with_its_report(form: Page, tmp_path: Path):
    choose_what_can_be_read(form, tmp_path)

    form.get_by_role("button", name="Token view").click()
    expect(form.get_by_role("group", name="Row 1")).to_contain_text("Aunt Agatha, 0.", timeout=READ)
    form.get_by_role("button", name="Check").click()
    expect(form.get_by_text("The report is kept with the train")).to_be_visible(timeout=READ)
    form.get_by_text("All settings", exact=True).click()
    expect(form.locator("#check .stale-note")).to_be_hidden()
    form.get_by_label("Seed").fill("7")
    form.get_by_label("Seed").fill("42")
    expect(form.locator("#check .stale-note")).to_be_visible()
    form.get_by_role("button", name="Run the Train").click()

    expect(form.get_by_text("Preflight report")).to_be_visible()
    assert TrainingJob.objects.get().preflight["is_whole"]
