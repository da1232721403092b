"""The three people whom the console is for, each from sign-in to result, with a real worker, broker and database."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM, Console, a_console, follow, watched_page
from tests.browser.people import (
    TRAINED,
    give_account,
    go_to,
    install_license,
    sign_in,
    sign_in_at_first,
    some_rows,
    start_train,
    wait_for_end,
)  # fmt: skip
from tests.tiny_model import make_tiny_model

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]
BROKEN = '            if step == 5:\n                raise ValueError("The kettle boiled over.")\n'
SOON_THROUGH = ["--method", "lora", "--base-model", "tiny", "--dataset", "kettles", "--set", "epochs=1"]
BEFORE_REPORT = "            # Whatever number is reported here"


@pytest.fixture(scope="module")
def shared_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One for all three, with a tiny base model and a dataset, where the expert and the engineer have accounts."""
    folder = tmp_path_factory.mktemp("people")
    with a_console(folder / "data") as console:
        console.manage("add_base_model", str(make_tiny_model(folder / "tiny")), "--name", "tiny")
        console.manage("import_dataset", str(some_rows(folder)), "--name", "kettles")
        give_account(console, "expert")
        give_account(console, "engineer", is_staff=True)
        yield console


@pytest.fixture
def page(shared_console: Console) -> Iterator[Page]:
    with watched_page(shared_console.url) as page:
        yield page


def test_an_administrator_opens_the_house_and_minds_the_queue(page: Page, shared_console: Console):
    sign_in_at_first(page, shared_console.password)
    install_license(page, shared_console)
    add_method(page, "House LoRA")
    delete_method(page, "House LoRA")
    read_what_became_of(page, "house-lora")
    drain_worker(page)
    for name in ("early", "late"):
        shared_console.manage("submit_job", *SOON_THROUGH, "--name", name)
    bring_to_the_front(page, "late")
    hold(page, "early")
    resume_worker(page)
    find_succeeded(page, "late")
    release_and_find_succeeded(page, "early")


def add_method(page: Page, name: str) -> None:
    go_to(page, "Methods")
    page.get_by_role("link", name="Add a New").click()
    page.get_by_label("Internal name").fill(name.lower().replace(" ", "-"))
    page.get_by_label("Display name").fill(name)
    page.get_by_label("Method type").select_option("PEFT")
    page.get_by_role("combobox", name="Trainer").select_option("lora")
    page.get_by_role("button", name=re.compile("Add|Save")).click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def delete_method(page: Page, name: str) -> None:
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete the method").click()
    expect(page.get_by_role("table").get_by_role("link", name=name)).to_have_count(0)


def read_what_became_of(page: Page, internal_name: str) -> None:
    page.goto(f"/methods/{internal_name}/history/")
    expect(page.get_by_text("This method was deleted. Its history stays.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="admin")).to_have_count(2)


def drain_worker(page: Page) -> None:
    go_to(page, "Admin")
    page.get_by_role("link", name="Workers").click()
    page.get_by_role("button", name="Drain").click()
    expect(page.get_by_role("table")).to_contain_text("Drains")


def resume_worker(page: Page) -> None:
    page.goto("/workers/")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("table")).to_contain_text("Takes trains")


def bring_to_the_front(page: Page, name: str) -> None:
    go_to(page, "Train")
    page.get_by_role("link", name="Waiting").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("early")
    page.get_by_role("button", name=f"Move to the first place: {name}").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text(name)


def hold(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Hold: {name}").click()
    expect(page.get_by_role("button", name=f"Release: {name}")).to_be_visible()


def find_succeeded(page: Page, name: str) -> None:
    page.goto("/jobs/")
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("Succeeded", timeout=TRAINED)


def release_and_find_succeeded(page: Page, name: str) -> None:
    page.goto("/jobs/queue/")
    page.get_by_role("button", name=f"Release: {name}").click()
    find_succeeded(page, name)


def test_a_domain_expert_tunes_a_model_and_takes_it_home(page: Page, tmp_path: Path):
    sign_in(page, "expert")
    bring_rows_in(page, tmp_path)
    choose_what_to_train(page)
    look_before_it_starts(page)
    start_train(page, "agatha", Epochs="4", Learning_rate="0.01")
    watch_the_loss_fall(page)
    copy_with(page, "agatha-slowly", Learning_rate="0.0001")
    compare(page, "agatha", "agatha-slowly")
    open_model_of(page, "agatha")
    try_it_beside_its_base(page)
    take_it_home(page)


def bring_rows_in(page: Page, folder: Path) -> None:
    go_to(page, "Data")
    page.get_by_role("link", name="Add a").first.click()
    page.get_by_role("textbox", name="Name").fill("agathas-words")
    page.locator("input[type=file]").set_input_files(some_rows(folder))
    page.get_by_role("main").get_by_role("button", name="Add").click()
    expect(page.get_by_text("“agathas-words” is added: 16 rows.")).to_be_visible()


def choose_what_to_train(page: Page) -> None:
    go_to(page, "Train")
    follow(page.get_by_role("link", name="Start a New Train").first)
    page.get_by_role("combobox", name="Training method").select_option("lora")
    page.get_by_role("combobox", name="Base model").select_option(label="tiny · 0.12 M parameters")
    page.get_by_role("combobox", name="Dataset").select_option(label="agathas-words · Prompt and completion · 16 rows")
    expect(page.get_by_role("complementary", name="What to expect")).to_contain_text(re.compile(r"Steps\s+12\s"))


def look_before_it_starts(page: Page) -> None:
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("The report is kept with the train")).to_be_visible(timeout=TRAINED)


def watch_the_loss_fall(page: Page) -> None:
    page.get_by_role("link", name="Evaluation Data").click()
    wait_for_end(page, "Succeeded")
    curve = page.locator('figure[data-metric="loss"]')
    expect(curve).to_contain_text("last")
    at_the_end = loss_in(curve.inner_text())
    curve.get_by_role("img").press("ArrowRight")
    expect(curve).to_contain_text("at step 1")
    assert at_the_end < loss_in(curve.inner_text())


def loss_in(words: str) -> float:
    return float(re.search(r"([\d.]+) at step", words)[1])


def copy_with(page: Page, name: str, **settings: str) -> None:
    follow(page.get_by_role("link", name="Copy the Train"))
    start_train(page, name, **settings)
    wait_for_end(page, "Succeeded")


def compare(page: Page, *names: str) -> None:
    go_to(page, "Train")
    for name in names:
        page.get_by_role("checkbox", name=re.compile(f"{name}$")).check()
    page.get_by_role("button", name="Compare").click()
    differs = page.get_by_role("region", name="Settings that differ")
    expect(differs.get_by_role("row").filter(has_text="learning_rate")).to_contain_text("0.0001")
    expect(page.locator('figure[data-metric="loss"]')).to_contain_text("agatha-slowly")


def open_model_of(page: Page, job: str) -> None:
    go_to(page, "Train")
    page.get_by_role("link", name=job, exact=True).click()
    page.get_by_role("link", name="Customized model").click()


def try_it_beside_its_base(page: Page) -> None:
    follow(page.get_by_role("link", name="Try it"))
    page.get_by_label("Max tokens").fill("12")
    page.get_by_label("Prompt", exact=False).first.fill("Who makes the kettle?")
    page.get_by_role("button", name="Ask both").click()
    page.get_by_role("button", name="A is better").click(timeout=TRAINED)
    expect(page.get_by_role("article")).to_contain_text("base model")
    page.get_by_role("button", name="End the session").click()
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link").last.click()


def take_it_home(page: Page) -> None:
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert any(name.endswith("adapter_model.safetensors") for name in archive.namelist())


def test_an_engineer_brings_code_and_gets_it_right(page: Page, shared_console: Console):
    file = shared_console.data_dir / "trainers/custom01.py"
    shared_console.manage("new_trainer", "custom01")
    sign_in(page, "engineer")
    find_in_catalog(page, "custom01.py")
    open_method(page, "custom01")
    configure(page, '{"parameters": {"save_steps": {"default": 2}, "batch_size": {"default": 2}}}')
    try_on_the_bench(page)
    break_at_step_five(file)
    start_train_of_method(page, "my-own")
    read_why_it_failed(page, file)
    mend(file)
    page.get_by_role("button", name="Resume from step 4").click()
    wait_for_end(page, "Succeeded")
    find_two_attempts(page)


def find_in_catalog(page: Page, file: str) -> None:
    go_to(page, "Methods")
    page.get_by_role("link", name="Trainers").click()
    page.get_by_role("button", name="Read every file again").click()
    row = page.get_by_role("row").filter(has_text=file)
    expect(row).to_contain_text("in place of the built-in one")


def open_method(page: Page, internal_name: str) -> None:
    page.get_by_role("row").filter(has_text=f"{internal_name}.py").get_by_role("link").last.click()
    expect(page.get_by_role("region", name="Test bench")).to_be_visible()


def configure(page: Page, config: str) -> None:
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Configuration").fill(config)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Test bench")).to_be_visible()


def try_on_the_bench(page: Page) -> None:
    bench = page.get_by_role("region", name="Test bench")
    bench.get_by_role("button", name="Check this trainer").click()
    expect(bench.get_by_role("button", name="Check this trainer again")).to_be_visible(timeout=2 * TRAINED)
    expect(bench.get_by_role("row").filter(has_text="passed")).not_to_have_count(0)
    expect(bench.get_by_role("row").filter(has_text="failed")).to_have_count(0)


def break_at_step_five(file: Path) -> None:
    code = file.read_text()
    assert BEFORE_REPORT in code
    file.write_text(code.replace(BEFORE_REPORT, BROKEN + BEFORE_REPORT))


def mend(file: Path) -> None:
    file.write_text(file.read_text().replace(BROKEN, ""))


def start_train_of_method(page: Page, name: str) -> None:
    follow(page.get_by_role("link", name="Start a New Train"))
    page.get_by_role("combobox", name="Base model").select_option(label="tiny · 0.12 M parameters")
    page.get_by_role("combobox", name="Dataset").select_option(label="kettles · Prompt and completion · 16 rows")
    start_train(page, name)
    wait_for_end(page, "Failed")


def read_why_it_failed(page: Page, file: Path) -> None:
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if "boiled over" in text)
    why = page.get_by_role("alert").filter(has_text="boiled over")
    expect(why).to_contain_text(re.compile(rf"custom01\.py.*line {line}\b", re.DOTALL))


def find_two_attempts(page: Page) -> None:
    page.get_by_role("link", name="Checkpoints").click()
    expect(page.get_by_role("row").filter(has_text="newest")).to_contain_text("2")
    page.get_by_role("link", name="Train Overview").click()
    expect(page.get_by_text("Attempt 2 started on")).to_be_visible()
