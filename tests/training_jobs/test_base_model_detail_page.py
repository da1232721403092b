"""/base-models/<id>/"""

import shutil
from pathlib import Path

import pytest

from tests.training_jobs.base_model_folder import write_base_model
from tests.training_jobs.engine import queued_job
from training_jobs import base_models
from training_jobs.models import FoundationModel

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(client, expert, tmp_path: Path) -> FoundationModel:
    client.force_login(expert)
    return base_models.add(str(write_base_model(tmp_path / "tiny")), name="Tiny")


def test_it_shows_what_is_known_of_the_model(client, model):
    page = client.get(model.get_absolute_url())

    for fact in (
        "LlamaForCausalLM",
        "9,600",
        "2,048 tokens",
        "300 tokens",
        "apache-2.0",
        model.fingerprint,
        model.path,
    ):
        assert fact in page.text


def test_it_shows_the_jobs_that_started_from_it(client, model):
    queued_job(name="support bot", base_model=model)

    assert "support bot" in client.get(model.get_absolute_url()).text


def test_it_says_when_the_folder_is_gone(client, model):
    shutil.rmtree(model.path)

    assert "is not on this machine any more" in client.get(model.get_absolute_url()).text


def test_it_is_only_looked_at(client, model):
    assert client.post(model.get_absolute_url()).status_code == 405


def test_it_needs_a_login(client, model):
    client.logout()

    assert client.get(model.get_absolute_url()).url.startswith("/accounts/login/")
