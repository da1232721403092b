"""What has a worker's slot beside trains, on the pages that tell who waits for what."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs import slot_uses, waiting
from training_jobs.models import CustomizedModel, Making, Rehearsal, Status, TryOut
from training_methods.models import TrainerCheck

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def uses(state: str, **fields) -> None:
    """One of each kind."""
    now = timezone.now()
    model = CustomizedModel.objects.create(name="a-model", kind="adapter", path="/nowhere", size_bytes=1)
    given = {"state": state, "queue": "default", "heard_at": now} | fields
    TryOut.objects.create(model=model, **given)
    Making.objects.create(model=model, what="merge", **given)
    Rehearsal.objects.create(key="k", spec={"trainer": "a-trainer"}, asked_at=now, **given)
    TrainerCheck.objects.create(method=records.method(), trainer="lora", asked_at=now, **given)


KINDS = ("Try-out", "Merge or export", "Micro-run", "Trainer check")
NAMES = (">a-model<", "a-trainer", ">LoRA fine-tuning<")


def test_the_page_of_workers_shows_what_each_has_in_its_slots(client, expert):
    busy, idle = records.worker(host="busy", slots=5), records.worker(host="idle", slots=1)
    records.job(Status.RUNNING, name="oak", worker=busy)
    uses("running", worker=busy.pk, asked_by=expert)

    page = client.get("/workers/").text

    rows = {worker.host: page.partition(f">{worker.host}:4711<")[2].partition("</tr>")[0] for worker in (busy, idle)}
    assert all(shown in rows["busy"] for shown in (">oak<", *KINDS, *NAMES, "(expert)", "5 of 5"))
    assert "0 of 1" in rows["idle"]
    assert not any(kind in rows["idle"] for kind in KINDS)


def test_the_queue_shows_what_waits_for_one(client):
    uses("waiting")

    page = client.get("/jobs/queue/").text

    assert all(shown in page for shown in ("Also waiting", *KINDS, *NAMES))

    records.worker()
    assert not any(kind in client.get("/workers/").text for kind in KINDS)


def test_home_shows_what_runs_beside_trains_and_counts_its_slots(client):
    records.job(Status.SUCCEEDED)
    uses("running", worker=records.worker(slots=5).pk)

    page = client.get("/").text

    assert all(shown in page for shown in (*KINDS, *NAMES, "4 of 5", 'hx-trigger="every 4s"'))
    assert "Nothing runs just now." not in page


@pytest.mark.parametrize("url", ["/", "/jobs/queue/"])
def test_no_worker_is_about_to_take_a_train_while_its_slots_have_other_work(client, url):
    records.worker(slots=4)
    records.job()
    assert "A worker is about to take it." in client.get(url).text

    uses("running")

    assert "4 slots there have other work: see Workers." in client.get(url).text


def test_what_a_lost_worker_had_holds_no_slot():
    records.worker()
    uses("running", heard_at=timezone.now() - timedelta(minutes=5))

    assert slot_uses.unended() == []
    job = records.job()
    assert waiting.look().wait_of(job).sentence == "A worker is about to take it."
