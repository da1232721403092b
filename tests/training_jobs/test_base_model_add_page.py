"""/base-models/add/"""

import pytest
from model_bakery import baker

from tests.training_jobs.base_model_folder import write_base_model
from training_jobs.models import FoundationModel

pytestmark = pytest.mark.django_db
URL = "/base-models/add/"


@pytest.fixture
def folder(client, engineer, tmp_path):
    client.force_login(engineer)
    return write_base_model(tmp_path / "tiny")


def test_it_takes_a_folder_on_record(client, engineer, folder):
    page = client.post(URL, {"location": folder, "name": "Tiny"})

    model = FoundationModel.objects.get()
    assert page.url == model.get_absolute_url()
    assert (model.path, model.parameter_count, model.created_by) == (str(folder), 9600, engineer)


def test_it_says_at_the_field_why_a_folder_is_refused(client, folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    page = client.post(URL, {"location": folder, "name": "Tiny"})

    (error,) = page.context["form"].errors["location"]
    assert "holds its weights only as a pickle (pytorch_model.bin)" in error
    assert not FoundationModel.objects.exists()


def test_it_says_at_the_field_that_a_name_is_in_use(client, folder):
    baker.make(FoundationModel, name="TINY")

    page = client.post(URL, {"location": folder, "name": "tiny"})

    assert page.context["form"].errors["name"] == ["A base model named “tiny” exists already: choose another name."]


@pytest.mark.parametrize("location", ["\0", "nowhere", "/dev/null", "~nobody-of-that-name/x", "x" * 999, "a/" * 499])
def test_it_refuses_whatever_is_no_folder(client, folder, location):
    page = client.post(URL, {"location": location, "name": "Tiny"})

    assert page.context["form"].errors["location"]


def test_it_refuses_those_who_are_not_staff(client, expert, folder):
    client.force_login(expert)

    assert client.get(URL).status_code == 403
    assert client.post(URL, {"location": folder, "name": "Tiny"}).status_code == 403
    assert not FoundationModel.objects.exists()


def test_it_needs_a_login(client):
    assert client.get(URL).url == f"/accounts/login/?next={URL}"
