"""What a waiting job waits for."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs import leases, waiting
from training_jobs.models import CustomizedModel, Priority, Status, TryOut

pytestmark = pytest.mark.django_db


def why(job) -> str:
    job.refresh_from_db()
    return waiting.look().wait_of(job).sentence


def test_a_held_job_says_who_holds_it(expert):
    records.worker()
    job = records.job()
    leases.hold(job.pk, by=expert)

    assert why(job) == "Held by expert: no worker takes it until it is released."


def test_without_a_worker_it_says_how_to_start_one():
    records.worker(heartbeat_at=timezone.now() - timedelta(minutes=2))

    assert "No worker is there. “make worker” starts one" in why(records.job())


def test_it_names_a_queue_that_nobody_serves():
    records.worker(queues="default,small")

    assert why(records.job(queue="large")) == "No worker that is there serves the queue “large”."


@pytest.mark.parametrize(("cards", "has"), [(["H200"], "1 GPU"), ([], "no GPU")])
def test_it_says_how_many_gpus_are_missing(cards, has):
    records.worker(cards=cards)
    records.worker(queues="other", cards=["H200"] * 8)

    sentence = why(records.job(gpus=2))

    assert sentence == f"It needs 2 GPUs. The largest worker on the queue “default” has {has}."


def test_it_says_that_every_worker_drains():
    records.worker(draining_requested=True)

    assert "Every worker that could run it on the queue “default” drains" in why(records.job())


def test_it_says_that_the_disk_is_nearly_full(settings):
    records.worker()
    settings.DISK_RESERVE_GB = 10**9

    assert "The disk is nearly full" in why(records.job())


def test_a_slot_that_has_a_customized_model_in_use_is_not_free(admin):
    records.worker()
    model = CustomizedModel.objects.create(name="acorn", kind="adapter", path="/nowhere", size_bytes=1)
    TryOut.objects.create(model=model, asked_by=admin, queue="default", state="running", heard_at=timezone.now())

    sentence = why(records.job())

    assert sentence.startswith("No train is before it. No worker is free on the queue “default”.")
    assert sentence.endswith("1 slot there has other work: see Workers.")


def test_a_free_slot_is_about_to_take_it():
    records.job(Status.RUNNING, worker=records.worker(slots=2))

    assert why(records.job()) == "A worker is about to take it."


def test_it_counts_those_before_it_and_says_about_when_it_starts():
    worker = records.worker(slots=2)
    for seconds in (1150, 4000):
        records.job(Status.RUNNING, worker=worker, seconds_left=seconds)
    last, first = records.job(priority=Priority.LOW), records.job()

    busy = "before it. No worker is free on the queue “default”."
    assert why(first) == f"No train is {busy} It starts in about 20 min."
    assert why(last) == f"1 train is {busy} It starts in about 67 min."


def test_it_makes_no_guess_from_what_is_not_known():
    worker = records.worker(slots=2)
    for seconds in (60, None):
        records.job(Status.RUNNING, worker=worker, seconds_left=seconds)

    assert "starts in" not in why(records.job())


def test_nobody_has_to_wait_for_a_job_that_fits_nowhere():
    records.worker()
    records.job(gpus=8)
    records.job(queue="large")

    assert why(records.job()) == "A worker is about to take it."


def test_a_slot_without_a_free_gpu_is_not_free():
    worker = records.worker(slots=2, cards=["H200"])
    records.job(Status.RUNNING, worker=worker, seconds_left=30)

    assert "It starts in about 1 min." in why(records.job())
    assert why(records.job(gpus=0)) == "A worker is about to take it."


def test_workers_of_one_machine_share_its_gpus():
    records.job(Status.RUNNING, worker=records.worker(cards=["H200"]))
    records.worker(pid=4712, cards=["H200"])

    assert "No worker is free" in why(records.job())
