"""What a train left: listed when it has ended, each file to download, its card as a page."""

from pathlib import Path

import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs.models import CustomizedModel, Status, TrainingJob

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(client, expert, tmp_path: Path) -> TrainingJob:
    client.force_login(expert)
    job = records.job(Status.SUCCEEDED)
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "README.md").write_text("# Kettle\n\n<b>not bold</b>")
    (folder / "sub" / "adapter.bin").write_bytes(b"12345")
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    CustomizedModel.objects.create(name="m", job=job, base_model_name="b", kind="adapter", path=folder, size_bytes=5)
    return job


def page_of(client, job: TrainingJob) -> str:
    return client.get(f"{job.get_absolute_url()}?tab=files").text


def file_of(client, job: TrainingJob, name: str):
    return client.get(reverse("training_jobs:job-file", args=[job.pk, name]))


def test_it_lists_the_files_and_shows_the_card(client, job):
    page = page_of(client, job)

    for shown in ("sub/adapter.bin", "5\xa0bytes", "<h3>Kettle</h3>", "&lt;b&gt;not bold", "All as a zip file"):
        assert shown in page
    assert ">link<" not in page


def test_each_file_can_be_downloaded(client, job):
    answer = file_of(client, job, "sub/adapter.bin")

    assert answer.getvalue() == b"12345"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="adapter.bin"'


@pytest.mark.parametrize("name", ["link", "../secret", "sub", "sub/../README.md", "no"])
def test_nothing_else_can_be_downloaded(client, job, name):
    assert file_of(client, job, name).status_code == 404


def test_a_folder_that_is_gone_is_said(client, job):
    CustomizedModel.objects.update(path="/nowhere")

    assert "/nowhere is not on this machine any more" in page_of(client, job)


@pytest.mark.parametrize(
    ("status", "said"),
    [(Status.RUNNING, "when the train has succeeded"), (Status.FAILED, "Only a train that succeeds leaves a model")],
)
def test_it_says_why_there_are_none(client, expert, status, said):
    client.force_login(expert)

    assert said in page_of(client, records.job(status))


def test_it_needs_a_login(client, job):
    client.logout()

    assert file_of(client, job, "README.md").status_code == 302
