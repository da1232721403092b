"""The heart of the work with the keyboard alone: start a train, stop it, and start it again."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM
from tests.training_jobs import records
from training_jobs import datasets
from training_jobs.models import Status, TrainingJob

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
MOST_STOPS = 200  # on a page
NAME = """() => {
  const one = document.activeElement;
  return one.getAttribute("aria-label") ?? one.labels?.[0]?.innerText ?? one.innerText;
}"""


@pytest.fixture
def inputs(transactional_db, data_dir: Path, tmp_path: Path) -> None:
    rows = tmp_path / "some.jsonl"
    rows.write_text("".join(json.dumps({"question": "Who?", "answer": f"Agatha, {n}."}) + "\n" for n in range(40)))
    records.base_model(path=str(tmp_path), parameter_count=10**8)
    datasets.import_file(rows, name="kettles")
    records.method()


def test_a_train_is_started_stopped_and_copied_without_a_mouse(expert_page: Page, inputs: None):
    page = expert_page
    page.goto("/")
    page.keyboard.press("n")
    page.wait_for_url("**/jobs/new/")  # and for the scripts that hear what is chosen
    choose(page, "Training method", "LoRA")
    expect(page.get_by_role("heading", name="Settings of LoRA fine-tuning")).to_be_visible()
    choose(page, "Base model", "Acorn")
    choose(page, "Dataset", "kettles")
    press(page, "Run the Train")
    expect(page.get_by_label("Where the train stands")).to_contain_text("Queued")
    press(page, "Cancel")
    expect(page.get_by_label("Where the train stands")).to_contain_text("Cancelled")
    press(page, "Copy the Train")
    expect(page.get_by_label("Train name")).to_have_value("train-1-copy")
    assert TrainingJob.objects.get().status == Status.CANCELLED


def choose(page: Page, label: str, start_of_option: str) -> None:
    tab_to(page, label)
    page.keyboard.type(start_of_option)


def press(page: Page, name: str) -> None:
    tab_to(page, name)
    page.keyboard.press("Enter")


def tab_to(page: Page, name: str) -> None:
    """As far as it takes; where the focus is then shows."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate(NAME).strip().startswith(name):
            assert page.evaluate("document.activeElement.matches(':focus-visible')")
            return
    raise AssertionError(f"No key leads to “{name}”.")
