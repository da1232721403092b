"""Jobs and their inputs as the engine's tests need them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models.functions import Now

from training_jobs.leases import Lease, claim
from training_jobs.models import TrainingJob


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
