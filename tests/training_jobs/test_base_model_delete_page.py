"""/base-models/<id>/delete/"""

from pathlib import Path

import pytest

from tests.training_jobs.base_model_folder import write_base_model
from tests.training_jobs.engine import queued_job, running_job
from training_jobs import base_models
from training_jobs.models import FoundationModel, Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(tmp_path: Path) -> FoundationModel:
    return base_models.add(str(write_base_model(tmp_path / "tiny")), name="Tiny")


@pytest.fixture
def url(model) -> str:
    return f"/base-models/{model.pk}/delete/"


def test_it_says_first_how_many_jobs_used_it(client, engineer, model, url):
    queued_job(base_model=model, status=Status.SUCCEEDED)
    client.force_login(engineer)

    assert "1 train used it. It stays readable." in client.get(url).text


def test_it_deletes_the_record_and_leaves_folder_and_jobs(client, engineer, model, url):
    job = queued_job(base_model=model, status=Status.FAILED)
    client.force_login(engineer)

    page = client.post(url, follow=True)

    job.refresh_from_db()
    assert "“Tiny” is off the record" in page.text
    assert not FoundationModel.objects.exists()
    assert (Path(model.path) / "model.safetensors").exists()
    assert job.base_model is None


@pytest.mark.parametrize("a_job", [queued_job, running_job])
def test_it_waits_for_the_jobs_that_need_it(client, engineer, model, url, a_job):
    a_job(name="support bot", base_model=model)
    client.force_login(engineer)

    assert "support bot still needs it." in client.get(url).text
    page = client.post(url, follow=True)

    assert "“Tiny” is needed by support bot: wait for the end, or cancel first." in page.text
    assert FoundationModel.objects.exists()


def test_so_does_the_list_and_a_reference_counts(client, engineer, model):
    queued_job(name="distilled").referred_models.add(model)
    client.force_login(engineer)

    page = client.post("/base-models/", {"action": "delete", "chosen": [model.pk], "confirmed": "1"}, follow=True)

    assert "“Tiny” is needed by distilled" in page.text
    assert FoundationModel.objects.exists()


def test_it_refuses_those_who_are_not_staff(client, expert, model, url):
    client.force_login(expert)

    assert client.get(url).status_code == client.post(url).status_code == 403
    assert FoundationModel.objects.exists()
    assert url not in client.get(model.get_absolute_url()).text


def test_it_needs_a_login(client, url):
    assert client.post(url).url == f"/accounts/login/?next={url}"
    assert FoundationModel.objects.exists()
