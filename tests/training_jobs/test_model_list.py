import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs.models import CustomizedModel, Status

URL = reverse("training_jobs:model-list")
pytestmark = pytest.mark.django_db


def model(name: str, **fields) -> CustomizedModel:
    given = {"base_model_name": "Acorn-135M", "kind": "adapter", "path": "/nowhere", "size_bytes": 3_000_000}
    return CustomizedModel.objects.create(name=name, **given | fields)


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def test_it_shows_what_trains_left(client):
    job = records.job(Status.SUCCEEDED, name="house-style")
    model("Acorn-135M_house-style_20261120_abcd", job=job)

    page = client.get(URL).text

    for shown in ("Acorn-135M_house-style_20261120_abcd", "Adapter", "2.9\xa0MB", job.get_absolute_url()):
        assert shown in page


def test_a_model_outlives_its_train(client):
    model("acorn", job=records.job(Status.SUCCEEDED))
    records.TrainingJob.objects.all().delete()

    assert ">acorn<" in client.get(URL).text


def test_it_finds_by_name(client):
    model("acorn")
    model("birch")

    page = client.get(f"{URL}?q=bir").text

    assert ">birch<" in page and ">acorn<" not in page


def test_it_sorts_by_size(client):
    model("small", size_bytes=1)
    model("large", size_bytes=2)

    page = client.get(f"{URL}?sort=-size_bytes").text

    assert page.index(">large<") < page.index(">small<")


@pytest.mark.parametrize(("query", "sentence"), [("", "No customized model yet"), ("?q=zzz", "No model matches")])
def test_it_says_that_there_is_none(client, query, sentence):
    assert sentence in client.get(URL + query).text


def test_it_needs_a_login(client):
    client.logout()

    assert client.get(URL).status_code == 302


def test_it_takes_few_queries(client, admin, django_assert_max_num_queries):
    client.force_login(admin)
    for number in range(30):
        model(f"acorn-{number}", job=records.job(Status.SUCCEEDED))

    with django_assert_max_num_queries(5):
        client.get(URL)
