"""Jobs and their inputs as the engine's tests need them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from textwrap import dedent, indent
from threading import Event
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from training_jobs import execution, logs
from training_jobs.leases import CLAIMED, MARGIN, Lease, new_owner, take
from training_jobs.models import Dataset, FoundationModel, TrainingJob
from training_methods.models import TrainingMethod
from training_methods.trainers.keeper import clock

T = TypeVar("T")


def queued_job(**fields: Any) -> TrainingJob:
    return TrainingJob.objects.create(
        **{
            "name": "train",
            "method_snapshot": {"trainer": "sleeper", "trainer_file": None, "config": {}},
            "base_model_snapshot": {"name": "base", "path": "/nowhere"},
            "dataset_snapshot": {"name": "data", "path": "/nowhere", "data_format": "text", "mapping": {}},
            "parameters": {},
            **fields,
        }
    )


def claim(job_id: UUID, owner: str) -> Lease | None:
    """This job, whoever's turn it is. None: it was cancelled or held, or somebody has it."""
    found = TrainingJob.objects.claimable().filter(pk=job_id).values_list(*CLAIMED).first()
    return take(*found, owner=owner, worker=None) if found else None


def running_job(**fields: Any) -> tuple[TrainingJob, Lease]:
    job = queued_job(**fields)
    lease = claim(job.pk, "worker")
    assert lease
    job.refresh_from_db()
    return job, lease


def run_now(job: TrainingJob, draining: Event | None = None, *, threads: int = 1) -> None:
    """This job and no other, as a slot runs one, if it is there to be taken. In this process."""
    asked = clock()
    if lease := claim(job.pk, new_owner()):
        execution.perform(execution.Attempt(lease, draining or Event(), claimed=asked), threads=threads)


def let_lease_run_out(job: TrainingJob) -> None:
    TrainingJob.objects.filter(pk=job.pk).update(lease_until=Now() - MARGIN - timedelta(seconds=1))


def status_of(job: TrainingJob) -> str:
    return TrainingJob.objects.values_list("status", flat=True).get(pk=job.pk)


def wait_for(condition: Callable[[], T], seconds: float = 60) -> T:
    """What the condition gives once that is true; its last answer when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


WRITES_PID_AND_WAITS = """
    print(f"pid {os.getpid()}", flush=True)
    while not run.stop_requested:
        time.sleep(0.05)
"""


def written_pid(job: TrainingJob) -> int:
    """The first line of its log. Not the half of it: what is printed may come in several pieces."""
    lines = wait_for(lambda: logs.read(job.pk).text.split("\n")[:-1], 90)
    return int(lines[0].removeprefix("pid "))


def has_gone(pid: int) -> bool:
    """No such process, or one that only waits for its parent to notice."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return not state.strip() or state.startswith("Z")


TRAINER = '''from training_methods.trainers import DataFormat, MethodType, Trainer, TrainingError, register
import os, time


@register
class {class_name}(Trainer):
    """Made for a test."""

    slug = "{slug}"
    label = "{slug}"
    method_type = MethodType.CUSTOM
    data_formats = (DataFormat.TEXT,)

    steps: int = 3
    pause: float = 0.0

    def train(self, run):
{body}
'''


def write_trainer(folder: Path, slug: str, body: str) -> Path:
    """A trainer file whose `train` is the given code. Whole at every moment: trainings of it may be starting."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{slug}.draft"
    draft.write_text(TRAINER.format(slug=slug, class_name=slug.title(), body=indent(dedent(body), " " * 8)))
    return draft.rename(folder / f"{slug}.py")


LEARNS = """
    first = int((run.resume_from / "step").read_text()) + 1 if run.resume_from else 1
    for step in range(first, self.steps + 1):
        time.sleep(self.pause)
        run.metrics(step, self.steps, loss=1 / step)
        folder = run.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "step").write_text(str(step))
        run.checkpoint_saved(step, folder)
        if run.stop_requested:
            return
    (run.output / "config.json").write_text("{}")
"""


def job_of(data_dir: Path, body: str = LEARNS, **fields: Any) -> TrainingJob:
    """A queued job of a trainer with that code, its inputs in `data_dir`."""
    base_model, dataset = data_dir / "base", data_dir / "rows.jsonl"
    base_model.mkdir(exist_ok=True)
    dataset.write_text('{"text": "hello"}\n')
    trainer = write_trainer(data_dir / "trainers", "learner", body)
    return queued_job(
        **{
            "method_snapshot": {"trainer": "learner", "trainer_file": str(trainer), "config": {}},
            "base_model_snapshot": {"name": "base", "path": str(base_model)},
            "dataset_snapshot": {"name": "rows", "path": str(dataset), "data_format": "text", "mapping": {}},
            **fields,
        }
    )


def inputs(data_dir: Path, body: str = LEARNS) -> dict[str, Any]:
    """A method, a base model and a dataset that go together."""
    write_trainer(data_dir / "trainers", "learner", body)
    (data_dir / "base").mkdir(exist_ok=True)
    (data_dir / "rows.jsonl").write_text('{"text": "hello"}\n')
    return {
        "method": TrainingMethod.objects.create(
            internal_name="learn",
            display_name="Learn",
            method_type="CUSTOM",
            trainer="learner",
            config={"parameters": {"steps": {"default": 7, "maximum": 100}}},
        ),
        "base_model": FoundationModel.objects.create(
            name="Base",
            path=str(data_dir / "base"),
            architecture="Llama",
            weights="safetensors",
            size_bytes=1,
            fingerprint="f1",
        ),
        "dataset": Dataset.objects.create(
            name="rows", path=str(data_dir / "rows.jsonl"), data_format="text", row_count=3, size_bytes=1, sha256="s1"
        ),
    }


def database_url() -> str:
    """The test's own database, so that another process finds the test's jobs."""
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    login = facts["USER"] + (f":{facts['PASSWORD']}" if facts["PASSWORD"] else "")
    return f"postgres://{login}@{facts['HOST']}:{facts['PORT'] or 5432}/{facts['NAME']}"


def environment() -> dict[str, str]:
    """For a process that shares the test's database, data directory and broker, and imports nothing in advance."""
    own = {"DATABASE_URL": database_url(), "DEEPEXT_DATA_DIR": str(settings.DATA_DIR), "DEEPEXT_WARM_PARENT": "off"}
    return os.environ | own


@contextmanager
def a_worker(*flags: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`manage.py run_worker`, ready, in a process group of its own; killed with all of it in the end."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_worker", *flags],
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for line in process.stdout:
            if line.endswith(" ready.\n"):
                break
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            end_with_its_group(process)


def end_with_its_group(process: subprocess.Popen[str]) -> None:
    """One that does not leave by itself would take the jobs of later tests."""
    try:
        process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
