"""Jobs and their inputs as the engine's tests need them."""

import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
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
