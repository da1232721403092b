"""What an attempt ran on is kept with it."""

import pytest

from tests.training_jobs.engine import job_of, run_now
from training_jobs import cards, hardware


def test_it_names_the_machine_and_what_the_job_was_given(monkeypatch):
    monkeypatch.setattr(hardware, "cards_here", lambda: (cards.Card("GPU-a", "H100"), cards.Card("GPU-b", "A100")))

    given = hardware.described(threads=3, devices=["GPU-b"])

    assert (given["gpus"], given["threads"]) == (["A100"], 3)
    assert given["host"] and given["cpu"] and given["cores"] > 0
    assert hardware.described(threads=1, devices=None)["gpus"] == ["H100", "A100"]


@pytest.mark.django_db(transaction=True)
def test_an_attempt_keeps_what_it_ran_on(data_dir):
    job = job_of(data_dir, "    pass\n")

    run_now(job, threads=2)

    claimed = job.events.get(kind="claimed")
    assert claimed.data["hardware"] == hardware.described(threads=2, devices=None)
