"""/datasets/<id>/delete/"""

from pathlib import Path

import pytest

from tests.training_jobs.engine import queued_job, running_job
from training_jobs import datasets
from training_jobs.models import Dataset, Status, TrainingJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(data_dir: Path, expert) -> Dataset:
    path = data_dir / "rows.csv"
    path.write_text("text\na\n")
    return datasets.import_file(path, user=expert)


@pytest.fixture
def url(dataset) -> str:
    return f"/datasets/{dataset.pk}/delete/"


def test_it_says_first_how_many_jobs_used_it(client, expert, dataset, url):
    TrainingJob.objects.filter(pk=queued_job(dataset=dataset).pk).update(status=Status.SUCCEEDED)
    client.force_login(expert)

    assert "1 train used it. It stays readable" in client.get(url).text


def test_it_deletes_the_record_and_the_file(client, expert, dataset, url):
    client.force_login(expert)

    page = client.post(url, follow=True)

    assert "“rows” is deleted." in page.text
    assert not Path(dataset.path).exists()
    assert not Dataset.objects.exists()


def test_it_keeps_jobs_readable(client, expert, dataset, url):
    job = queued_job(dataset=dataset)
    TrainingJob.objects.filter(pk=job.pk).update(status=Status.FAILED)
    client.force_login(expert)

    client.post(url)

    job.refresh_from_db()
    assert (job.dataset, job.dataset_snapshot["name"]) == (None, "data")


@pytest.mark.parametrize("a_job", [queued_job, running_job])
def test_it_waits_for_the_jobs_that_need_it(client, expert, dataset, url, a_job):
    a_job(name="support bot", dataset=dataset)
    client.force_login(expert)

    assert "support bot still needs it." in client.get(url).text
    page = client.post(url, follow=True)

    assert "“rows” is needed by support bot: wait for the end, or cancel first." in page.text
    assert Path(dataset.path).exists()


def test_it_lets_staff_delete_what_others_added(client, engineer, url):
    client.force_login(engineer)

    client.post(url)

    assert not Dataset.objects.exists()


def test_it_refuses_others(client, django_user_model, dataset, url):
    client.force_login(django_user_model.objects.create_user("stranger"))

    assert client.get(url).status_code == client.post(url).status_code == 403
    assert Dataset.objects.exists()
    assert url not in client.get(dataset.get_absolute_url()).text


def test_it_needs_a_login(client, url):
    assert client.post(url).url == f"/accounts/login/?next={url}"
    assert Dataset.objects.exists()
