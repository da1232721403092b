"""What only shows once somebody has done something on a page: menus, mistakes, answers. A function each."""

import re
from types import SimpleNamespace

from playwright.sync_api import Page, expect

READ = 120_000  # milliseconds: the training stack is loaded once for it


def settings_as_json(page: Page, site: SimpleNamespace) -> None:
    page.goto("/jobs/new/?method=lora")
    page.get_by_text("JSON", exact=True).click()
    expect(page.get_by_label("Settings as JSON")).to_be_visible()


def train_with_mistakes(page: Page, site: SimpleNamespace) -> None:
    page.goto("/jobs/new/?method=lora&view=all")
    page.get_by_label("Epochs").fill("-1")
    page.get_by_role("button", name="Run the Train").click()
    expect(page.get_by_text("is too small").first).to_be_visible()
    expect(page.locator(".is-invalid").first).to_be_focused()
    expect(page.locator(".is-invalid").first).to_be_in_viewport()


def tokens_and_report(page: Page, site: SimpleNamespace) -> None:
    choose_what_can_be_read(page, site)
    page.get_by_role("button", name="Token view").click()
    expect(page.get_by_role("group", name="Row 1")).to_be_visible(timeout=READ)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("The report is kept with the train")).to_be_visible(timeout=READ)


def micro_run(page: Page, site: SimpleNamespace) -> None:
    choose_what_can_be_read(page, site)
    page.get_by_role("button", name="Micro-run").click()
    expect(page.get_by_role("button", name="Cancel the micro-run")).to_be_visible()


def choose_what_can_be_read(page: Page, site: SimpleNamespace) -> None:
    model, dataset = site.readable
    page.goto(f"/jobs/new/?method=lora&base_model={model.pk}&dataset={dataset.pk}")


def settings_brought_back(page: Page, site: SimpleNamespace) -> None:
    page.goto("/jobs/new/?method=lora")
    page.get_by_label("Train name").fill("half-filled")
    page.reload()
    expect(page.get_by_text("Your settings from before are here.")).to_be_visible()
    expect(page.get_by_label("Train name")).to_have_value("half-filled")


def ways_to_stop(page: Page, site: SimpleNamespace) -> None:
    page.goto(site.running.get_absolute_url())
    page.locator("#stop-train summary").click()
    expect(page.locator("#cancel-train")).to_be_visible()


def rows_chosen(page: Page, site: SimpleNamespace) -> None:
    page.goto("/jobs/")
    page.get_by_role("checkbox").nth(1).check()
    page.get_by_text("Columns", exact=True).click()
    expect(page.locator("[data-bulk]")).to_be_visible()


def question_before_many_go(page: Page, site: SimpleNamespace) -> None:
    page.goto("/jobs/?status=failed")
    page.get_by_role("checkbox").nth(1).check()
    page.locator("[data-bulk]").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="Leave them as they are")).to_be_visible()


def keys_and_account(page: Page, site: SimpleNamespace) -> None:
    page.goto("/")
    page.get_by_label("Account of admin").click()
    page.get_by_role("button", name=re.compile("^Keys")).click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def hits_of_a_search(page: Page, site: SimpleNamespace) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("acorn")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#found .found a").first).to_be_focused()


def method_with_mistakes(page: Page, site: SimpleNamespace) -> None:
    page.goto("/methods/add/?trainer=lora")
    page.get_by_label("Internal name").fill("Not a name!")
    page.get_by_label("Configuration").fill("{")
    page.get_by_role("main").get_by_role("button", name=re.compile("Add|Save")).click()
    expect(page.locator(".invalid-feedback, .text-danger").first).to_be_visible()


def dataset_of_unknown_columns(page: Page, site: SimpleNamespace) -> None:
    page.goto("/datasets/add/")
    content = b"frage,antwort\nWho makes the kettle?,Aunt Agatha\n"
    page.locator("input[type=file]").set_input_files({"name": "rows.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("main").get_by_role("button", name="Add").click()
    expect(page).to_have_url(re.compile(r"/datasets/add/\w+"))


def dataset_with_mistakes(page: Page, site: SimpleNamespace) -> None:
    page.goto("/datasets/add/")
    content = b'{"prompt": "Who?", "completion": "Me."}\n{"prompt": "Who?"}\nnot JSON\n'
    page.locator("input[type=file]").set_input_files(
        {"name": "rows.jsonl", "mimeType": "text/plain", "buffer": content}
    )
    page.get_by_role("main").get_by_role("button", name="Add").click()
    expect(page.get_by_role("main")).to_contain_text("line 2")


def license_looked_at(page: Page, site: SimpleNamespace) -> None:
    page.goto("/license/")
    page.get_by_label("License key").fill(site.license_key)
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("button", name="Install this license")).to_be_visible()


SCENES = {
    "start": [settings_as_json, train_with_mistakes, tokens_and_report, micro_run, settings_brought_back],
    "lists": [ways_to_stop, rows_chosen, question_before_many_go, keys_and_account, hits_of_a_search],
    "forms": [method_with_mistakes, dataset_of_unknown_columns, dataset_with_mistakes, license_looked_at],
}
