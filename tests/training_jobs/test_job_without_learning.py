"""A train of which *Check* has counted that nothing is learnt is refused with the reason, wherever it is started."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from tests.tiny_model import make_tiny_model
from tests.training_jobs import records
from tests.training_jobs.test_job_guide import as_json, defaults
from training_jobs import previews
from training_jobs.drafts import Draft, Settings
from training_jobs.forms.jobs import TrainForm
from training_jobs.models import FoundationModel, TrainingJob
from training_methods.trainers.preview import Preview

URL = reverse("training_jobs:job-new")
CHECK = reverse("training_jobs:job-new-check")
REASON = "Nothing is left to learn: with a maximum length of 32 tokens every answer is cut off."
WAY_OUT = "Raise the maximum length, or shorten the prompts."
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def filled_in(data_dir: Path) -> dict[str, Any]:
    """Every prompt is longer than what is read of a row."""
    rows = data_dir / "rows.jsonl"
    rows.write_text(json.dumps({"prompt": "Who came? " * 40, "completion": "Aunt Agatha"}) + "\n")
    records.method()
    base_model = records.base_model(path=str(data_dir), context_length=2048)
    dataset = records.dataset(path=str(rows), row_count=1)
    chosen = {"method": "lora", "settings_of": "lora", "base_model": base_model.pk, "dataset": dataset.pk}
    return chosen | {"name": "first", "seed": "42", "view": "basic", "shown_as": "fields"} | defaults(max_length=32)


def question(filled_in: dict[str, Any]) -> previews.Question:
    found = previews.question(Draft.of(TrainForm(initial=filled_in), Settings.of("lora", filled_in)), whole=True)
    assert found
    found.kept.parent.mkdir(parents=True, exist_ok=True)
    return found


def counted(filled_in: dict[str, Any], **facts: Any) -> None:
    """As if *Check* had read the rows."""
    problem = {"problem": REASON, "hint": WAY_OUT, "setting": "max_length", "complete": True, "rows": 1, "kept": 0}
    seen = Preview(**{"kind": "shown", "max_length": 32, "has_template": False} | problem | facts)
    question(filled_in).kept.write_text(seen.model_dump_json())


def test_the_form_comes_back_with_what_the_rows_themselves_showed(client, filled_in, tmp_path):
    FoundationModel.objects.update(path=str(make_tiny_model(tmp_path / "tiny")))
    previews.look(question(filled_in))

    answer = client.post(URL, filled_in)

    assert answer.context["settings"].form.errors == {"max_length": [f"{REASON} {WAY_OUT}"]}
    assert REASON in answer.text and WAY_OUT in answer.text
    assert not TrainingJob.objects.exists()
    assert REASON in client.post(CHECK, filled_in).text


def test_settings_as_text_come_back_with_it_as_well(client, filled_in):
    counted(filled_in)

    page = client.post(URL, as_json(filled_in, json.dumps({"max_length": 32}))).text

    assert REASON in page and not TrainingJob.objects.exists()


def test_what_no_setting_helps_is_said_of_the_dataset(client, filled_in):
    counted(filled_in, problem="The dataset has no rows.", hint="Add rows to the file and import it again.", setting="")

    answer = client.post(URL, filled_in)

    assert answer.context["form"].errors == {
        "dataset": ["The dataset has no rows. Add rows to the file and import it again."]
    }
    assert not TrainingJob.objects.exists()


@pytest.mark.parametrize("facts", [{"complete": False}, {"problem": "", "hint": "", "setting": "", "dropped": 1}])
def test_what_only_might_fail_is_started(client, filled_in, facts):
    counted(filled_in, **facts)

    client.post(URL, filled_in)

    assert TrainingJob.objects.exists()


@pytest.mark.parametrize("changed", [{"p-max_length": "512"}, {"p-learn_from": "everything"}])
def test_with_other_settings_it_is_started(client, filled_in, changed):
    counted(filled_in)

    client.post(URL, filled_in | changed)

    assert TrainingJob.objects.exists()


def test_what_was_not_counted_is_started(client, filled_in):
    client.post(URL, filled_in)

    assert TrainingJob.objects.exists()


def test_the_command_refuses_it_too(filled_in):
    counted(filled_in)
    chosen = {"method": "lora", "base_model": "Acorn-135M", "dataset": "house-style"}

    with pytest.raises(CommandError, match=f"max_length: {REASON}"):
        call_command("submit_job", **chosen, set=["max_length=32"])
    assert not TrainingJob.objects.exists()
