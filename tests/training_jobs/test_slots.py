"""A slot takes one job after the other, with the GPUs that each asks for."""

from threading import Event
from uuid import uuid4

import pytest

from tests.training_jobs import records
from tests.training_jobs.engine import job_of
from training_jobs import cards, logs
from training_jobs.models import Making, Status, TrainingJob
from training_jobs.slots import Slot

pytestmark = pytest.mark.django_db(transaction=True)

SAYS_ITS_CARDS = """
    print(os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    (run.output / "config.json").write_text("{}")
"""


@pytest.fixture(autouse=True)
def own_folders(data_dir, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(data_dir))


def slot(**fields) -> Slot:
    given = {"worker": uuid4(), "queues": ("default",), "cards": (), "threads": 1, "leaving": Event()}
    return Slot(**given | fields)


def test_it_goes_on_until_nothing_waits_that_it_can_run(data_dir):
    jobs = [job_of(data_dir, name=str(number), parameters={"steps": 1}) for number in range(2)]
    too_large = job_of(data_dir, gpus=1)

    slot().work()

    assert {TrainingJob.objects.get(pk=job.pk).status for job in jobs} == {Status.SUCCEEDED}
    too_large.refresh_from_db()
    assert too_large.status == Status.QUEUED


def test_it_takes_nothing_once_it_has_to_leave(data_dir):
    job = job_of(data_dir)
    leaving = Event()
    leaving.set()

    slot(leaving=leaving).work()

    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_a_job_waits_while_the_disk_is_nearly_full(data_dir, settings):
    job = job_of(data_dir)
    settings.DISK_RESERVE_GB = 10**9

    slot().work()

    job.refresh_from_db()
    assert (job.status, job.attempt) == (Status.QUEUED, 0)


def test_one_that_drains_begins_no_work_on_models_either():
    merge = Making.objects.create(model=records.lost_model(), what="merge", queue="default")

    slot(worker=records.worker(draining_requested=True).pk).work()

    merge.refresh_from_db()
    assert merge.state == Making.State.WAITING


@pytest.mark.parametrize(("gpus", "visible"), [(2, "card-1,card-2"), (1, "card-1"), (None, "card-1"), (0, "")])
def test_a_job_sees_the_cards_it_was_given_and_no_others(data_dir, gpus, visible):
    job = job_of(data_dir, SAYS_ITS_CARDS, gpus=gpus)

    slot(cards=("card-1", "card-2")).work()

    assert logs.read(job.pk).text.split("\n")[0] == visible


def test_it_leaves_a_card_to_whom_it_belongs(data_dir):
    job = job_of(data_dir, SAYS_ITS_CARDS, gpus=1)
    with cards.choosing(["card-1"]) as free:
        others = free.keep(1)

    with others:
        slot(cards=("card-1", "card-2")).work()

    assert logs.read(job.pk).text.split("\n")[0] == "card-2"


def test_cards_are_free_again_after_the_job(data_dir):
    job_of(data_dir, SAYS_ITS_CARDS, gpus=1)

    slot(cards=("card-1",)).work()

    with cards.choosing(["card-1"]) as free:
        assert list(free) == ["card-1"]
