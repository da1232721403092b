"""Jobs and their inputs as the engine's tests need them."""

import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, TypeVar

from django.db.models.functions import Now

from training_jobs.leases import Lease, claim
from training_jobs.models import TrainingJob

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


def running_job(**fields: Any) -> tuple[TrainingJob, Lease]:
    job = queued_job(**fields)
    lease = claim(job.pk, "worker")
    assert lease
    job.refresh_from_db()
    return job, lease


def let_lease_run_out(job: TrainingJob) -> None:
    TrainingJob.objects.filter(pk=job.pk).update(lease_until=Now() - timedelta(seconds=1))


def status_of(job: TrainingJob) -> str:
    return TrainingJob.objects.values_list("status", flat=True).get(pk=job.pk)


def wait_for(condition: Callable[[], T], seconds: float = 30) -> T:
    """What the condition gives once that is true; its last answer when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


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
    """A trainer file whose `train` is the given code."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{slug}.py"
    file.write_text(TRAINER.format(slug=slug, class_name=slug.title(), body=indent(dedent(body), " " * 8)))
    return file


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
