from uuid import uuid4

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs.models import CustomizedModel, JobEvent, Status

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


def test_changed_parameters_come_first(client):
    page = client.get(records.job().get_absolute_url()).text

    assert page.index("epochs <span") < page.index("learning_rate")


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


@pytest.mark.parametrize("tab", ["overview", "evaluation", "log", "no-such-tab"])
@pytest.mark.parametrize("status", list(Status))
def test_every_tab_opens_in_every_state(client, tab, status):
    job = records.job(status)

    assert client.get(f"{job.get_absolute_url()}?tab={tab}").status_code == 200


def test_it_needs_a_login(client):
    client.logout()

    assert client.get(records.job().get_absolute_url()).status_code == 302


def test_an_unknown_job_is_not_found(client):
    assert client.get(f"/jobs/{uuid4()}/").status_code == 404
