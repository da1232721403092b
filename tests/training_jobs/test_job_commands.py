"""stop_job, resume_job and extend_job."""

from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from tests.training_jobs.engine import queued_job, running_job
from tests.training_jobs.test_continuing import chosen, failed, own_data_dir, succeeded  # noqa: F401 (fixtures)
from training_jobs.models import Status

pytestmark = pytest.mark.django_db(transaction=True)


def said(*command: object) -> str:
    out = StringIO()
    call_command(*map(str, command), stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("flags", "column"), [([], "cancel_requested"), (["--save"], "finish_requested"), (["--now"], "kill_requested")]
)
def test_it_stops_a_job(flags, column):
    job, _ = running_job()

    assert said("stop_job", job.pk, *flags).startswith("The train ")

    job.refresh_from_db()
    assert (job.status, getattr(job, column)) == (Status.STOPPING, True)
    assert job.stop_asked_by.endswith("(command line)")


def test_a_job_that_waits_is_cancelled():
    assert said("stop_job", queued_job().pk) == "Cancelled before it started.\n"


def test_of_one_that_waits_for_another_worker_it_is_not_said_that_it_never_started():
    assert said("stop_job", queued_job(attempt=1).pk) == "The train is ended.\n"


@pytest.mark.parametrize(
    ("job", "sentence"),
    [("x", "“x” is no job's id"), (str(UUID(int=1)), "There is no job"), (None, "nothing to cancel")],
)
def test_it_says_what_it_cannot_stop(job, sentence):
    with pytest.raises(CommandError, match=sentence):
        said("stop_job", job or queued_job(status=Status.SUCCEEDED).pk)


def test_it_resumes_a_job(failed):  # noqa: F811
    assert "is queued and goes on from step 3." in said("resume_job", failed.pk)

    failed.refresh_from_db()
    assert failed.status == Status.QUEUED
    with pytest.raises(CommandError, match="Only a train that failed"):
        said("resume_job", failed.pk)


def test_it_makes_a_job_longer(succeeded):  # noqa: F811
    text = said("extend_job", succeeded.pk, "--steps", 4, "--from-step", 5, "--name", "more")

    new = succeeded.continued_by.get()
    assert text == f"more is job {new.pk}. It goes on from step 5 to step 9.\n"


@pytest.mark.parametrize(
    ("flags", "sentence"), [(["--steps", 0], "At least one"), (["--steps", 1, "--from-step", 2], "There are: 6, 5.")]
)
def test_it_says_what_cannot_be_made_longer(succeeded, flags, sentence):  # noqa: F811
    with pytest.raises(CommandError, match=sentence):
        said("extend_job", succeeded.pk, *flags)
