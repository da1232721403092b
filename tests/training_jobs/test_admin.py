"""Django's admin site shows jobs and what belongs to them; they change elsewhere."""

import re

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.training_jobs.engine import inputs, queued_job, running_job, status_of
from training_jobs.models import CustomizedModel, Status

pytestmark = pytest.mark.django_db

RECORDS = ["trainingjob", "foundationmodel", "dataset", "customizedmodel"]


@pytest.fixture
def records(data_dir) -> None:
    inputs(data_dir)
    CustomizedModel.objects.create(
        name="tuned", job=queued_job(), base_model_name="base", kind="adapter", path="/x", size_bytes=1
    )


def test_it_bears_the_names_of_the_console(client, admin):
    client.force_login(admin)

    page = client.get("/admin/").text

    assert "<h1>People and records</h1>" in page and 'href="/">DeepExtension</a>' in page
    assert "Django administration" not in page


@pytest.mark.parametrize("record", RECORDS)
def test_it_lists_them(client, admin, records, record):
    client.force_login(admin)

    assert client.get(reverse(f"admin:training_jobs_{record}_changelist"), {"q": "a"}).status_code == 200


def test_it_calls_them_as_the_pages_do(client, admin, records):
    client.force_login(admin)

    page = client.get("/admin/training_jobs/", headers={"Accept-Language": "de"}).text

    for name in ("Trainings", "Basismodelle", "Datensätze", "Angepasste Modelle"):
        assert f">{name}</a>" in page


@pytest.mark.parametrize("record", RECORDS)
def test_it_calls_everything_in_a_record_in_the_readers_language(client, admin, records, record):
    client.force_login(admin)
    newest = apps.get_model("training_jobs", record).objects.first()

    page = client.get(
        reverse(f"admin:training_jobs_{record}_change", args=[newest.pk]), headers={"Accept-Language": "zh-hans"}
    ).text

    labels = re.findall(r"<label>([^<]+)[:：]</label>", page)
    assert len(labels) >= 7
    assert [label for label in labels if not re.search("[一-鿿]", label)] in ([], ["GPU"], ["SHA-256"])
    assert "SHA-256 over" not in page


@pytest.mark.parametrize("record", RECORDS)
def test_it_heads_its_lists_in_the_readers_language(client, admin, records, record):
    client.force_login(admin)

    page = client.get(reverse(f"admin:training_jobs_{record}_changelist"), headers={"Accept-Language": "zh-hans"}).text

    headings = re.findall(r'<div class="text">\s*<a href[^>]*>([^<]+)</a>', page)
    assert len(headings) >= 5
    assert all(re.search("[一-鿿]", heading) for heading in headings)


@pytest.mark.parametrize("record", RECORDS)
def test_it_lets_nobody_add_one(client, admin, record):
    client.force_login(admin)

    assert client.get(reverse(f"admin:training_jobs_{record}_add")).status_code == 403


def test_it_cancels_the_selected_jobs(client, admin):
    queued, (running, _) = queued_job(), running_job()
    client.force_login(admin)

    chosen = {"action": "cancel", "_selected_action": [str(queued.pk), str(running.pk)]}
    page = client.post(reverse("admin:training_jobs_trainingjob_changelist"), chosen, follow=True)

    assert "2 of 2 were still to be cancelled." in page.content.decode()
    assert (status_of(queued), status_of(running)) == (Status.CANCELLED, Status.STOPPING)


def test_it_offers_no_cancel_to_who_may_not_change_jobs(client, engineer):
    engineer.user_permissions.add(Permission.objects.get(codename="view_trainingjob"))
    job = queued_job()
    client.force_login(engineer)

    client.post(
        reverse("admin:training_jobs_trainingjob_changelist"), {"action": "cancel", "_selected_action": [str(job.pk)]}
    )

    assert status_of(job) == Status.QUEUED
