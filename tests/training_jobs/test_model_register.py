"""/models/<id>/register/: a customized model becomes a base model."""

import json
from pathlib import Path

import pytest

from tests.training_jobs.base_model_folder import write_base_model
from training_jobs import customized_models
from training_jobs.models import CustomizedModel, FoundationModel

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(tmp_path: Path) -> CustomizedModel:
    folder = write_base_model(tmp_path / "acorn")
    return CustomizedModel.objects.create(
        name="acorn", base_model_name="Acorn-135M", kind="complete", path=str(folder), size_bytes=7
    )


def scores(model: CustomizedModel) -> None:
    config = Path(model.path) / "config.json"
    facts = json.loads(config.read_text()) | {"architectures": ["LlamaForSequenceClassification"]}
    config.write_text(json.dumps(facts))


def test_one_button_makes_it_a_base_model(client, engineer, model):
    client.force_login(engineer)
    url = f"/models/{model.pk}/register/"
    assert f'action="{url}"' in client.get(model.get_absolute_url()).text

    page = client.post(url, follow=True).text

    assert "“acorn” is a base model now." in page
    assert FoundationModel.objects.get().path == model.path
    assert url not in client.get(model.get_absolute_url()).text


def test_a_reward_model_becomes_a_base_model_that_scores(client, engineer, model):
    scores(model)
    assert customized_models.kind_of(Path(model.path), "complete") == "reward"
    client.force_login(engineer)

    client.post(f"/models/{model.pk}/register/")

    assert FoundationModel.objects.get().kind == "reward"


def test_it_says_that_it_is_one_already(client, engineer, model):
    client.force_login(engineer)
    client.post(f"/models/{model.pk}/register/")

    assert "It is the base model “acorn” already." in client.post(f"/models/{model.pk}/register/", follow=True).text


def test_it_says_why_a_folder_cannot_be_one(client, engineer, model):
    CustomizedModel.objects.update(path="/nowhere")
    client.force_login(engineer)

    assert "There is no folder “/nowhere”." in client.post(f"/models/{model.pk}/register/", follow=True).text


def test_others_than_staff_may_not(client, expert, model):
    client.force_login(expert)

    assert client.post(f"/models/{model.pk}/register/").status_code == 403
    assert "register" not in client.get(model.get_absolute_url()).text


def test_it_needs_a_login(client, model):
    assert client.post(f"/models/{model.pk}/register/").url.startswith("/accounts/login/")


def test_a_long_name_keeps_its_end(model):
    name = "base_" + "x" * 150 + "_20261127_ab12"

    assert customized_models.free_name(name).endswith("_20261127_ab12")
    assert len(customized_models.free_name(name)) <= 100
