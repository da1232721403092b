"""The whole way once, as a person goes it: with a real worker, broker, database and training."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM, Console, follow
from tests.browser.people import TRAINED, go_to, install_license, sign_in_at_first, some_rows
from tests.tiny_model import make_tiny_model

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


def test_from_the_licence_to_a_tuned_model_and_back(page: Page, console: Console, tmp_path: Path):
    console.manage("add_base_model", str(make_tiny_model(tmp_path / "tiny")), "--name", "tiny")
    console.manage("import_dataset", str(some_rows(tmp_path)), "--name", "kettles")
    sign_in_at_first(page, console.password)
    find_add_locked(page)
    install_license(page, console)
    add_method(page)
    start_train(page)
    watch_it_finish(page)
    job = page.url
    delete_method(page)
    find_it_gone_from_the_form(page)
    find_job_readable(page, job)


def find_add_locked(page: Page) -> None:
    page.get_by_role("link", name="Methods", exact=True).click()
    expect(page.get_by_role("link", name="Add a New")).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_text("Adding training methods is locked: this site has no license installed")).to_be_visible()


def add_method(page: Page) -> None:
    page.goto("/methods/")
    page.get_by_role("link", name="Add a New").click()
    page.get_by_label("Internal name").fill("kettle-lora")
    page.get_by_label("Display name").fill("Kettle LoRA")
    page.get_by_label("Method type").select_option("PEFT")
    page.get_by_role("combobox", name="Trainer").select_option("lora")
    page.get_by_label("Configuration").fill('{"parameters": {"rank": {"default": 4}}}')
    page.get_by_role("button", name=re.compile("Add|Save")).click()
    expect(page.get_by_role("heading", name="Kettle LoRA")).to_be_visible()


def start_train(page: Page) -> None:
    go_to(page, "Train")
    follow(page.get_by_role("link", name="Start a New Train").first)
    page.get_by_role("combobox", name="Training method").select_option("kettle-lora")
    expect(page.get_by_role("heading", name="Settings of Kettle LoRA")).to_be_visible()
    page.get_by_label("Train name").fill("first-kettle")
    page.get_by_label("Base model*").select_option(index=1)
    page.get_by_role("combobox", name="Dataset").select_option(index=1)
    page.get_by_label("Epochs").fill("2")
    page.get_by_text("All settings").click()
    expect(page.get_by_label("Rank")).to_have_value("4")
    page.get_by_role("button", name="Run the Train").click()
    expect(page.get_by_role("heading", name="first-kettle")).to_be_visible()


def watch_it_finish(page: Page) -> None:
    """Without a reload: the state, and then the curve and the log, come by themselves."""
    page.get_by_role("link", name="Evaluation Data").click()
    state = page.get_by_label("Where the train stands")
    expect(state).to_contain_text(re.compile("Succeeded|Failed"), timeout=TRAINED)
    expect(state).to_contain_text("Succeeded")
    expect(page.get_by_role("link", name="Customized model")).to_be_visible()
    expect(page.locator('figure[data-metric="loss"]')).to_contain_text("at step 8")
    page.get_by_role("link", name="Train Log").click()
    expect(page.get_by_role("log")).not_to_be_empty()
    page.get_by_role("link", name="Train Overview").click()
    expect(page.get_by_text("Attempt 1 started on")).to_be_visible()


def delete_method(page: Page) -> None:
    page.goto("/methods/kettle-lora/delete/")
    expect(page.get_by_text(re.compile("1 train .*used this method"))).to_be_visible()
    page.get_by_role("button", name="Delete the method").click()
    expect(page.get_by_role("link", name="Kettle LoRA")).to_have_count(0)


def find_it_gone_from_the_form(page: Page) -> None:
    page.goto("/jobs/new/")
    expect(
        page.get_by_role("combobox", name="Training method").locator("option", has_text="LoRA fine-tuning")
    ).to_have_count(1)
    expect(
        page.get_by_role("combobox", name="Training method").locator("option", has_text="Kettle LoRA")
    ).to_have_count(0)


def find_job_readable(page: Page, job: str) -> None:
    page.goto(job)
    expect(page.get_by_role("main")).to_contain_text("Kettle LoRA (deleted)")
