"""/models/<id>/delete/"""

from pathlib import Path

import pytest

from tests.training_jobs import records
from training_jobs import model_work, removals, tryouts
from training_jobs.models import CustomizedModel, Making, RemovedFolder, Status, TryOut

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def model(data_dir, expert) -> CustomizedModel:
    folder = data_dir / "models" / "acorn"
    folder.mkdir(parents=True)
    (folder / "adapter.safetensors").write_bytes(b"weights")
    job = records.job(Status.SUCCEEDED, name="house-style", created_by=expert)
    return CustomizedModel.objects.create(
        name="acorn", base_model_name="Acorn-135M", kind="adapter", path=str(folder), size_bytes=7, job=job
    )


@pytest.fixture
def url(model) -> str:
    return f"/models/{model.pk}/delete/"


def test_it_says_first_what_goes(client, expert, model, url):
    client.force_login(expert)

    page = client.get(url).text

    assert "1 file, 7\xa0bytes" in page and "The train “house-style” stays" in page
    assert Path(model.path).exists()


def test_whoever_started_the_train_deletes_record_and_files(client, expert, model, url):
    client.force_login(expert)

    page = client.post(url, follow=True).text

    assert "“acorn” is deleted." in page
    assert not CustomizedModel.objects.exists()
    assert list(Path(model.path).parent.iterdir()) == []
    assert not RemovedFolder.objects.exists()


def test_staff_may(client, engineer, url):
    client.force_login(engineer)

    client.post(url)

    assert not CustomizedModel.objects.exists()


def test_others_may_not(client, django_user_model, model, url):
    client.force_login(django_user_model.objects.create_user("stranger"))

    assert client.get(url).status_code == client.post(url).status_code == 403
    assert url not in client.get(model.get_absolute_url()).text
    assert Path(model.path).exists()


def test_it_needs_a_login(client, url):
    assert client.post(url).url.startswith("/accounts/login/")


def test_the_next_sweep_removes_what_a_crash_left(model, expert, monkeypatch):
    with monkeypatch.context() as crash:
        crash.setattr(removals, "remove_files", lambda: None)
        removals.remove(model, user=expert)
    assert Path(model.path).exists()

    removals.remove_files()

    assert not Path(model.path).exists()
    assert not RemovedFolder.objects.exists()


def test_a_new_model_of_the_same_name_keeps_its_files(model):
    RemovedFolder.objects.create(path=model.path)

    removals.remove_files()

    assert Path(model.path).exists()
    assert not RemovedFolder.objects.exists()


def test_it_goes_on_with_a_folder_that_was_set_aside(data_dir):
    note = RemovedFolder.objects.create(path=str(data_dir / "models" / "acorn"))
    aside = data_dir / "models" / f".removed-{note.pk}"
    aside.mkdir(parents=True)

    removals.remove_files()

    assert not aside.exists()


def test_a_folder_that_no_train_made_stays(model, expert, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    CustomizedModel.objects.update(path=str(elsewhere))

    removals.remove(model, user=expert)

    assert elsewhere.exists()


def test_what_somebody_else_deleted_meanwhile_is_deleted(model, expert):
    again = CustomizedModel.objects.get(pk=model.pk)
    removals.remove(model, user=expert)

    removals.remove(again, user=expert)

    assert not CustomizedModel.objects.exists()


def test_a_base_model_is_not_deleted_as_a_customized_one(client, expert, model, url):
    base = records.base_model(name="Acorn tuned", path=model.path)
    CustomizedModel.objects.create(name="child", base_model=base, kind="adapter", path="/x", size_bytes=1)
    client.force_login(expert)

    assert "It is the base model “Acorn tuned” as well" in client.get(url).text
    assert "1 customized model comes from it." in client.post(url, follow=True).text
    assert Path(model.path).exists()


def test_a_train_that_has_not_ended_keeps_what_it_starts_from(client, expert, model, url):
    records.job(name="next", base_model_snapshot={"name": "gone", "path": model.path})
    client.force_login(expert)

    assert "The train “next” has not ended, and starts from it." in client.post(url, follow=True).text
    assert Path(model.path).exists()


def test_what_is_being_made_of_it_is_waited_for(client, expert, model, url):
    making = Making.objects.create(model=model, what="merge", queue="default")
    client.force_login(expert)

    assert "“Complete model” is being made of it: wait for the end, or cancel it first." in client.get(url).text
    assert "is being made of it" in client.post(url, follow=True).text
    model_work.finish(model_work.claim(Making, making.pk))

    client.post(url)

    assert not CustomizedModel.objects.exists()


def test_so_is_whoever_tries_it_until_the_page_is_closed(client, expert, model, url):
    try_out = TryOut.objects.create(model=model, asked_by=expert, queue="default")
    client.force_login(expert)

    assert "Somebody tries it: wait for the end" in client.post(url, follow=True).text
    tryouts.leave(try_out)

    client.post(url)

    assert not CustomizedModel.objects.exists()


def test_a_merged_model_takes_the_place_of_its_adapter(model, expert):
    merged = CustomizedModel.objects.create(
        name="acorn_merged", kind="complete", path="/x", size_bytes=1, merged_from=model
    )

    removals.remove(model, user=expert)

    merged.refresh_from_db()
    assert (merged.job_id, merged.merged_from) == (model.job_id, None)
