"""/jobs/<id>/delete/"""

import pytest

from tests.training_jobs import records
from training_jobs import deletion, removals
from training_jobs.deletion import NotEnded
from training_jobs.models import CustomizedModel, JobEvent, Status, TrainingJob

pytestmark = pytest.mark.django_db


def url_of(job) -> str:
    return f"{job.get_absolute_url()}delete/"


@pytest.fixture
def ended(data_dir, expert):
    job = records.job(Status.SUCCEEDED, created_by=expert)
    (job.attempt_directory(1) / "checkpoints").mkdir(parents=True)
    (job.attempt_directory(1) / "train.log").write_text("step 1")
    JobEvent.objects.create(job=job, attempt=1, kind="claimed", at=job.created_at)
    return job


def test_it_takes_the_record_and_the_files(client, expert, ended, django_capture_on_commit_callbacks):
    client.force_login(expert)
    folder = ended.directory

    assert "are deleted and cannot be brought back" in client.get(url_of(ended)).text
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(url_of(ended))

    assert answer.url == "/jobs/"
    assert not TrainingJob.objects.exists() and not JobEvent.objects.exists() and not folder.exists()


def test_the_files_stay_until_the_record_is_gone_for_good(ended, django_capture_on_commit_callbacks):
    folder = ended.directory

    with django_capture_on_commit_callbacks() as later:
        deletion.delete(ended, user=None)

    assert folder.is_dir() and len(later) == 1


def test_the_next_sweep_removes_the_files_that_a_crash_left(ended, data_dir, django_capture_on_commit_callbacks):
    folder = ended.directory
    with django_capture_on_commit_callbacks():  # and the process dies
        deletion.delete(ended, user=None)

    removals.remove_files()

    assert not folder.exists() and list((data_dir / "jobs").iterdir()) == []


def test_its_customized_model_stays(client, expert, ended):
    client.force_login(expert)
    model = CustomizedModel.objects.create(
        name="acorn", job=ended, base_model_name="Acorn", kind="adapter", path="/nowhere", size_bytes=1
    )

    assert "The customized model “acorn” that came of it stays." in client.get(url_of(ended)).text
    client.post(url_of(ended))

    model.refresh_from_db()
    assert model.job is None


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.STOPPING])
def test_one_that_has_not_ended_is_refused(client, admin, status):
    client.force_login(admin)
    job = records.job(status, name="busy")

    page = client.post(url_of(job), follow=True)

    assert "“busy” has not ended: cancel it first." in page.text
    assert TrainingJob.objects.exists()


def test_one_that_was_resumed_meanwhile_is_refused(ended):
    TrainingJob.objects.update(status=Status.QUEUED)

    with pytest.raises(NotEnded):
        deletion.delete(ended, user=None)


def test_staff_delete_any_and_others_only_their_own(client, engineer, django_user_model, ended):
    client.force_login(django_user_model.objects.create_user("other"))
    assert client.get(url_of(ended)).status_code == client.post(url_of(ended)).status_code == 403

    client.force_login(engineer)
    assert client.post(url_of(ended)).url == "/jobs/"


def test_it_needs_a_login(client, ended):
    assert client.post(url_of(ended)).url == f"/accounts/login/?next={url_of(ended)}"
