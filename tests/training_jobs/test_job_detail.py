import re
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs.models import CustomizedModel, JobEvent, Status
from training_methods.trainers import DataFormat, failures
from training_methods.trainers.row_files import Unreadable
from training_methods.trainers.rows import read_rows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def test_it_shows_everything_that_was_frozen(client):
    job = records.job(versions={"torch": "2.13.0"}, seed=7)

    page = client.get(job.get_absolute_url()).text

    for shown in (
        "LoRA fine-tuning",
        "c" * 12,
        "Acorn-135M",
        "d" * 64,
        "120 rows",
        "torch 2.13.0",
        "<dd>7</dd>",
        str(job.pk),
    ):
        assert shown in page


def test_it_shows_what_was_asked_of_the_machine(client):
    job = records.job(gpus=2)
    job.method_snapshot["config"] = {"resources": {"time_limit_minutes": 90, "memory_gb": 6.5}}
    job.save()

    page = client.get(job.get_absolute_url()).text

    asked = {"GPUs asked for": "2", "Time limit": "90 minutes", "Memory limit": "6.5 GB"}
    for name, value in asked.items():
        assert re.search(rf"<dt>{name}</dt>\s*<dd>{value}</dd>", page)


def test_changed_parameters_come_first(client):
    page = client.get(records.job().get_absolute_url()).text

    assert page.index("<strong>Epochs</strong>") < page.index("1 setting at its default") < page.index("learning_rate")


def test_a_changed_parameter_stands_beside_its_default(client):
    page = client.get(records.job(default_parameters={"epochs": 1}).get_absolute_url()).text

    row = re.search(r"<strong>Epochs</strong>.*?</tr>", page, re.DOTALL)[0]
    assert re.findall(r">(\d)\s*<", row) == ["3", "1"]


def test_settings_are_called_as_in_the_form_in_the_readers_language(client):
    page = client.get(records.job().get_absolute_url(), headers={"Accept-Language": "de"}).text

    assert '<strong>Epochen</strong> <code class="code-name">epochs</code>' in page
    assert 'Lernrate <code class="code-name">learning_rate</code>' in page


def test_settings_of_a_trainer_that_is_gone_are_called_as_when_it_was_there(client):
    gone = {"display_name": "Ours", "method_type": "SFT", "trainer": "ours", "code_hash": "c" * 64, "config": {}}
    job = records.job(method_snapshot=gone, parameter_labels={"epochs": "Rounds"})

    page = client.get(job.get_absolute_url()).text

    assert '<strong>Rounds</strong> <code class="code-name">epochs</code>' in page
    assert '<th scope="row">learning_rate</th>' in page


def test_it_shows_what_each_attempt_ran_on(client):
    job = records.job(Status.RUNNING, attempt=2)
    hardware = {"host": "gpu-07", "cpu": "EPYC 9654", "cores": 96, "memory_bytes": 2**30, "gpus": ["NVIDIA H100"]}
    for attempt, kind, data in [
        (1, "claimed", {"owner": "trainer-01:1:a"}),
        (1, "worker-lost", {"owner": "trainer-01:1:a"}),
        (2, "claimed", {"owner": "gpu-07:1:b", "hardware": hardware | {"threads": 8}}),
    ]:
        JobEvent.objects.create(job=job, attempt=attempt, kind=kind, at=timezone.now(), data=data)

    page = client.get(job.get_absolute_url()).text

    where = page[page.index("When and where") :]
    for shown in ("trainer-01", "Lost its worker", "gpu-07", "EPYC 9654", "96 cores", "8 threads used", "NVIDIA H100"):
        assert shown in where


def test_a_copy_says_what_was_changed(client):
    original = records.job(name="first-kettle")
    copy = records.job(copied_from=original, parameters={"learning_rate": 0.5, "epochs": 3})

    page = client.get(copy.get_absolute_url()).text

    assert re.search(r"Learning rate <code[^>]*>learning_rate</code>\s+0.001\s+→ <strong>\s*0.5", page)
    assert f"?job={original.pk}&amp;job={copy.pk}" in page


def test_a_copy_of_a_deleted_train_is_a_train_like_others(client):
    original = records.job()
    copy = records.job(copied_from=original)
    original.delete()

    assert "Copy of" not in client.get(copy.get_absolute_url()).text


def test_a_text_without_a_character_is_shown_as_empty(client):
    page = client.get(records.job(parameters={"epochs": 3, "sample_prompts": ""}).get_absolute_url()).text

    assert '<span class="text-secondary">empty</span>' in page


def test_the_method_type_is_shown_by_its_label(client):
    job = records.job()
    job.method_snapshot["method_type"] = "REWARD"
    job.save()

    assert '<span class="chip">Reward model</span>' in client.get(job.get_absolute_url()).text


def test_it_stays_readable_when_what_it_was_made_from_is_gone(client):
    method, base_model, dataset = records.method(), records.base_model(), records.dataset()
    job = records.job(method=method, base_model=base_model, dataset=dataset)
    for record in (method, base_model, dataset):
        record.delete()

    page = client.get(job.get_absolute_url()).text

    assert "LoRA fine-tuning" in page
    assert page.count("(deleted)") == 3


def test_it_says_why_a_train_failed(client):
    failure = {"message": "Out of memory.", "hint": "Take a smaller batch.", "evidence": "9", "traceback": "File <x>"}
    job = records.job(Status.FAILED, failure=failure)

    page = client.get(job.get_absolute_url()).text

    for shown in ("Out of memory.", "Take a smaller batch.", "File &lt;x&gt;"):
        assert shown in page


def test_it_says_in_german_why_a_train_failed_and_keeps_it_in_english(client, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"messages": [{"role": "user", "content": ""}]}\n')
    with pytest.raises(Unreadable) as refused:
        list(read_rows(rows, DataFormat.MESSAGES, {}))
    failure = failures.failure(refused.value).model_dump(mode="json")
    job = records.job(Status.FAILED, failure=failure)

    page = client.get(job.get_absolute_url(), headers={"Accept-Language": "de"}).text

    why = "Der Datensatz kann nicht gelesen werden: Er hat einen Fehler in Zeile 1: in Beitrag 1: „content“ ist leer."
    assert why in page
    assert "Verbessern Sie die Datei und importieren Sie sie noch einmal." in page
    assert failure["message"].startswith("The dataset cannot be read: it has a bad line 1: in turn 1, ")


@pytest.mark.parametrize(
    ("kind", "data", "sentence"),
    [
        ("note", {"text": "bfloat16 <b>"}, "bfloat16 &lt;b&gt;"),
        ("claimed", {"owner": "trainer-01:1:a"}, "Attempt 1 started on trainer-01:1:a"),
        ("checkpoint", {"step": 20, "path": "/x"}, "Checkpoint saved at step 20"),
        ("stopping", {"reason": "cancel"}, "Asked to save a checkpoint and end"),
        ("stopping", {"reason": "time-limit"}, "its time limit is over"),
        ("worker-lost", {"owner": "trainer-01:1:a"}, "Lost its worker trainer-01:1:a"),
        ("from-the-future", {}, "from-the-future"),
    ],
)
def test_it_tells_what_happened(client, kind, data, sentence):
    job = records.job(Status.RUNNING)
    JobEvent.objects.create(job=job, attempt=1, kind=kind, at=timezone.now(), data=data)

    assert sentence in client.get(job.get_absolute_url()).text


def test_a_train_that_succeeded_leads_to_its_model(client):
    job = records.job(Status.SUCCEEDED)
    model = CustomizedModel.objects.create(
        name="m", job=job, base_model_name="b", kind="adapter", path="/x", size_bytes=1
    )

    assert model.get_absolute_url() in client.get(job.get_absolute_url()).text


@pytest.mark.parametrize("tab", ["overview", "evaluation", "samples", "log", "files", "no-such-tab"])
@pytest.mark.parametrize("status", list(Status))
def test_every_tab_opens_in_every_state(client, tab, status):
    job = records.job(status)

    assert client.get(f"{job.get_absolute_url()}?tab={tab}").status_code == 200


def test_it_needs_a_login(client):
    client.logout()

    assert client.get(records.job().get_absolute_url()).status_code == 302


def test_an_unknown_job_is_not_found(client):
    assert client.get(f"/jobs/{uuid4()}/").status_code == 404


def test_checkpoints_in_a_row_are_one_line(client):
    job = records.job()
    for kind, step in [("checkpoint", 5), ("note", 0), *(("checkpoint", step) for step in range(1000, 1400, 100))]:
        JobEvent.objects.create(job=job, attempt=1, kind=kind, at=timezone.now(), data={"step": step, "text": "Hm."})

    page = client.get(job.get_absolute_url()).text

    assert "Checkpoint saved at step 5" in page
    assert "4 checkpoints saved, the last one at step 1,300" in page and "step 1,200" not in page


def test_a_whole_number_has_no_fraction(client):
    page = client.get(records.job(parameters={"epochs": 900.0, "learning_rate": 0.5}).get_absolute_url()).text

    assert "900" in page and "900.0" not in page and "0.5" in page
