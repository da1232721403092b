from pathlib import Path

import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs.models import TrainingJob

URL = reverse("training_jobs:job-new")
TRAINER = '''
from typing import ClassVar

from pydantic import Field

from training_methods.trainers import DataFormat, MethodType, Run, Trainer, register


@register
class Walk(Trainer):
    """Learns by walking."""

    slug: ClassVar = "walk"
    label: ClassVar = "Walk"
    method_type: ClassVar = MethodType.CUSTOM
    data_formats: ClassVar = (DataFormat.TEXT, DataFormat.MESSAGES)

    speed: float = Field(2.5, gt=0, lt=10, title="Speed", json_schema_extra={"basic": True})
    steps: int = Field(100, ge=1, title="Steps", json_schema_extra={"group": "Length"})
    uphill: bool = Field(True, title="Uphill", json_schema_extra={"group": "Way"})

    def train(self, run: Run) -> None: ...
'''
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def walk(data_dir: Path):
    (data_dir / "trainers").mkdir()
    (data_dir / "trainers" / "walk.py").write_text(TRAINER)
    config = {"parameters": {"uphill": {"default": False, "locked": True}}}
    return records.method(internal_name="walk", display_name="A walk", trainer="walk", config=config)


@pytest.fixture
def filled_in(walk, tmp_path: Path) -> dict[str, object]:
    """The form as it is sent by somebody who makes no mistake."""
    rows = tmp_path / "rows.jsonl"
    rows.touch()
    return {
        "name": "first-walk",
        "method": "walk",
        "settings_of": "walk",
        "base_model": records.base_model(path=str(tmp_path)).pk,
        "dataset": records.dataset(path=str(rows), data_format="text").pk,
        "seed": "7",
        "p-speed": "3.5",
        "p-steps": "20",
    }


def test_run_the_train_queues_a_job_and_leads_to_it(client, expert, filled_in):
    answer = client.post(URL, filled_in)

    job = TrainingJob.objects.get()
    assert answer.url == job.get_absolute_url()
    assert (job.name, job.seed, job.created_by) == ("first-walk", 7, expert)
    assert job.parameters == {"speed": 3.5, "steps": 20, "uphill": False}


def test_a_copy_knows_what_it_is_a_copy_of(client, filled_in):
    original = records.job(name="first")

    client.post(URL, filled_in | {"copied_from": str(original.pk)})

    assert original.copies.get().name == "first-walk"


@pytest.mark.parametrize("gone", ["x", "00000000-0000-4000-8000-000000000000"])
def test_a_copy_of_what_was_deleted_meanwhile_starts_all_the_same(client, filled_in, gone):
    client.post(URL, filled_in | {"copied_from": gone})

    assert TrainingJob.objects.get().copied_from is None


def test_without_a_name_it_gets_one(client, filled_in):
    client.post(URL, filled_in | {"name": ""})

    assert TrainingJob.objects.get().name.startswith("walk-")


def test_all_mistakes_are_shown_at_their_fields_at_once(client, filled_in):
    wrong = {"name": "first walk", "seed": "-1", "base_model": "", "p-speed": "12", "p-steps": ""}

    page = client.post(URL, filled_in | wrong).text

    for sentence in (
        "“first walk” is not a train name",
        "The seed -1 is not between 0 and",
        "Choose a base model.",
        "12 is too large: it must be below 10.0.",
        "A value is needed.",
    ):
        assert sentence in page
    assert 'value="all" checked' in page
    assert not TrainingJob.objects.exists()


def test_what_was_typed_survives(client, filled_in):
    page = client.post(URL, filled_in | {"seed": "x", "p-speed": "3.75"}).text

    for typed in ('value="first-walk"', 'value="3.75"', 'value="walk" selected', 'value="x"'):
        assert typed in page


def test_a_dataset_of_the_wrong_format_is_a_mistake_at_its_field(client, filled_in):
    pairs = records.dataset(name="pairs", path=records.Dataset.objects.get().path, data_format="question-answer")

    page = client.post(URL, filled_in | {"dataset": pairs.pk}).text

    assert "“pairs” has the format Question and answer; Walk learns from Text or Messages." in page


@pytest.mark.parametrize("field", ["method", "base_model", "dataset"])
def test_what_was_deleted_meanwhile_is_said_in_a_sentence(client, filled_in, field):
    records_of = {"method": records.TrainingMethod, "base_model": records.FoundationModel, "dataset": records.Dataset}
    other = {"method": records.method, "base_model": records.base_model, "dataset": records.dataset}[field]
    records_of[field].objects.all().delete()
    other(**({} if field == "method" else {"name": "another"}))

    answer = client.post(URL, filled_in)

    assert answer.status_code == 200
    assert "any more: choose another." in answer.text
    assert 'value="first-walk"' in answer.text


def test_a_locked_setting_is_shown_and_cannot_be_changed(client, filled_in):
    page = client.get(f"{URL}?method=walk").text
    client.post(URL, filled_in | {"p-uphill": "on"})

    assert "Fixed by this site for every train" in page
    assert TrainingJob.objects.get().parameters["uphill"] is False


def test_the_method_of_the_address_is_chosen_with_its_settings(client, filled_in):
    page = client.get(f"{URL}?method=walk").text

    assert 'value="walk" selected' in page
    assert "Settings of A walk" in page
    assert '<span class="chip">Messages</span>' in page


def test_choosing_a_method_loads_its_settings_alone(client, filled_in):
    answer = client.get(f"{URL}?method=walk", headers={"HX-Request": "true"})

    assert 'name="p-speed"' in answer.text
    assert "<html" not in answer.text
    assert "HX-Request" in answer.headers["Vary"]


def test_without_javascript_the_settings_come_with_the_next_page(client, filled_in):
    records.method()

    page = client.post(URL, filled_in | {"method": "lora", "name": "kept"}).text

    assert "Look through the settings of LoRA fine-tuning" in page
    assert 'name="p-learning_rate"' in page
    assert 'value="kept"' in page
    assert not TrainingJob.objects.exists()


def test_a_method_that_cannot_run_here_is_listed_with_the_reason(client, filled_in):
    records.method(internal_name="gone", display_name="Gone", trainer="gone")

    page = client.get(URL).text
    refused = client.post(URL, filled_in | {"method": "gone", "settings_of": "gone"}).text

    assert '<option value="gone" disabled>Gone: The trainer “gone” is not here.</option>' in page
    assert "The trainer “gone” is not here.</strong>" in refused
    assert not TrainingJob.objects.exists()


def test_a_site_that_lacks_something_says_what(client):
    page = client.get(URL).text

    for step in ("seed_methods", reverse("training_jobs:base-model-add"), reverse("training_jobs:dataset-add")):
        assert step in page


def test_help_of_a_method_is_text_and_not_markup(client, filled_in, walk):
    walk.description = "<script>alert(1)</script>"
    walk.config = {"parameters": {"speed": {"help": "<img src=x>", "label": "<b>Speed</b>"}}}
    walk.save()

    page = client.get(f"{URL}?method=walk").text

    assert not any(markup in page for markup in ("<script>alert", "<img src=x>", "<b>Speed"))


def test_it_needs_a_login(client, filled_in):
    client.logout()

    assert client.post(URL, filled_in).status_code == 302
    assert not TrainingJob.objects.exists()
