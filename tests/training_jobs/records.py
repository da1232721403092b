"""Records as the tests of the pages need them: a job whose snapshots say what a page shows."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from training_jobs.models import CustomizedModel, Dataset, FoundationModel, Status, TrainingJob, Worker
from training_methods.models import TrainingMethod


def base_model(**fields: Any) -> FoundationModel:
    given = {"name": "Acorn-135M", "path": "/nowhere", "architecture": "LlamaForCausalLM", "weights": "safetensors"}
    return FoundationModel.objects.create(**given | {"size_bytes": 1, "fingerprint": "f" * 64} | fields)


def dataset(**fields: Any) -> Dataset:
    given = {"name": "house-style", "path": "/nowhere.jsonl", "original_name": "rows.jsonl", "file_type": "jsonl"}
    given |= {"data_format": "prompt-completion", "row_count": 120, "size_bytes": 1, "sha256": "d" * 64}
    return Dataset.objects.create(**given | fields)


def method(**fields: Any) -> TrainingMethod:
    given = {"internal_name": "lora", "display_name": "LoRA fine-tuning", "method_type": "PEFT", "trainer": "lora"}
    return TrainingMethod.objects.create(**given | fields)


def job(status: Status = Status.QUEUED, **fields: Any) -> TrainingJob:
    """A job in that state, with what its row has by then."""
    given: dict[str, Any] = {
        "name": "acorn",
        "status": status,
        "method_snapshot": {"display_name": "LoRA fine-tuning", "method_type": "PEFT", "trainer": "lora"},
        "base_model_snapshot": {"name": "Acorn-135M", "path": "/nowhere", "fingerprint": "f" * 64},
        "dataset_snapshot": {"name": "house-style", "path": "/nowhere", "sha256": "d" * 64, "row_count": 120},
        "parameters": {"learning_rate": 0.001, "epochs": 3},
        "changed_parameters": ["epochs"],
    }
    given["method_snapshot"] |= {"internal_name": "lora", "code_hash": "c" * 64, "config": {}}
    now = timezone.now()
    if status != Status.QUEUED:
        given |= {"attempt": 1, "started_at": now - timedelta(minutes=3), "step": 12, "total_steps": 40}
    if status in (Status.RUNNING, Status.STOPPING):
        given |= {"owner": "trainer-01:1:abc", "lease_until": now + timedelta(minutes=2)}
    if status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED):
        given["finished_at"] = now
    return TrainingJob.objects.create(**given | fields)


def worker(**fields: Any) -> Worker:
    """One that is there."""
    given = {"host": "trainer-01", "pid": 4711, "version": "0.1.0", "queues": "default", "slots": 1}
    given |= {"started_at": timezone.now(), "heartbeat_at": timezone.now()}
    return Worker.objects.create(**given | fields)


def lost_model(**fields: Any) -> CustomizedModel:
    """One whose folder is not there any more."""
    given = {"name": "acorn-lost", "base_model_name": "Acorn-135M", "kind": "adapter", "path": "/nowhere"}
    return CustomizedModel.objects.create(**given | {"size_bytes": 1} | fields)
