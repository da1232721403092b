"""A site in full use: each kind of record in each of its states, with long names where people give them."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from tests.browser import results
from tests.training_jobs import records
from training_jobs import logs, metrics
from training_jobs.models import JobEvent, ParameterProfile, Status, TrainingJob
from training_jobs.reports import LogPiece
from training_methods import registry
from training_methods.models import TrainerCheck, TrainingMethod
from training_methods.trainers.events import Metrics

LONG = "support-answers-in-the-tone-of-the-house-with-every-product-name-of-2026"
FAILURE = {
    "message": "The GPU ran out of memory at step 12: 23.4 GB of 24 GB were in use and 1.2 GB more were asked for.",
    "hint": "Halve the batch size and double the gradient accumulation, or switch gradient checkpointing on.",
    "evidence": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.20 GiB.",
    "traceback": "Traceback (most recent call last):\n  File “lora.py”, line 42, in train\n    trainer.train()",
}


def full_site(folder: Path, admin: Any) -> SimpleNamespace:
    """Its records, each under the name that `pages` calls it by. What has files has them in the folder."""
    lora, custom = registry.restore("lora"), registry.restore("custom01")
    base_model = records.base_model(name="Acorn-135M-Instruct", parameter_count=134_515_008, context_length=2048)
    records.base_model(name="Oak-7B", path="/srv/models/oak", kind="reward", fingerprint="e" * 64)
    dataset = records.dataset(
        name=LONG,
        columns=["prompt", "completion"],
        preview=[{"prompt": "Who makes the kettle?", "completion": "Our kettle is made in Leeds. " * 12}] * 3,
    )
    worker = records.worker(slots=2, queues="default,gpu", cards=["NVIDIA L4"])
    records.worker(host="trainer-02", draining_requested=True)
    records.worker(host="trainer-03", heartbeat_at=timezone.now() - timedelta(minutes=9))
    common = {"method": lora, "base_model": base_model, "dataset": dataset}
    jobs = {str(status): job(status, **common) for status in Status}
    TrainingJob.objects.filter(status__in=["running", "stopping"]).update(worker=worker, seconds_left=600)
    fill(jobs["running"])
    fill(jobs["succeeded"])
    check(lora)
    model = results.model_of(jobs["succeeded"], folder / "model", f"Acorn-135M-Instruct_{LONG}_20261127_ab12")
    results.ask(model, admin)
    results.make(model, admin)
    checkpoints = results.checkpoints(jobs["succeeded"], folder)
    return SimpleNamespace(
        **jobs,
        base_model=base_model,
        dataset=dataset,
        worker=worker,
        method=lora,
        custom=custom,
        model=model,
        lost_model=records.lost_model(),
        checkpoint=checkpoints[-1],
        profile=ParameterProfile.objects.create(method=lora, name="Quick", values={"epochs": 1, "rank": 4}),
    )


def job(status: Status, **fields: object) -> TrainingJob:
    failure = FAILURE if status == Status.FAILED else None
    name = LONG if status in (Status.RUNNING, Status.FAILED) else f"acorn-{status}"
    earlier = timezone.now() - timedelta(minutes=9)
    made = records.job(status, name=name, failure=failure, latest_metrics={"loss": 1.234}, **fields)
    TrainingJob.objects.filter(pk=made.pk).update(created_at=earlier)
    return made


def fill(job: TrainingJob) -> None:
    """With curves, samples, events and a log."""
    points = [Metrics(step=step, values={"loss": 3 / step, "learning_rate": 1e-4 / step}) for step in range(1, 13)]
    metrics.append(job.pk, 1, points)
    text = "".join(f"step {step}: loss {3 / step:.4f}\n" for step in range(1, 200))
    logs.append(job.pk, 1, [LogPiece(offset=0, size=len(text), text=text)])
    now = timezone.now()
    for step in (0, 6, 12):
        data = {"step": step, "prompt": "Who makes the kettle?", "answer": f"Aunt Agatha, at step {step}. " * 20}
        JobEvent.objects.create(job=job, attempt=1, kind="sample", at=now, data=data)
    JobEvent.objects.create(job=job, attempt=1, kind="note", at=now, data={"text": "120 rows, 4 096 tokens."})


def check(method: TrainingMethod) -> TrainerCheck:
    now = timezone.now()
    results = [
        {"name": "trains three steps", "outcome": "passed", "said": "Loss fell from 4.1 to 3.9."},
        {"name": "stops on request", "outcome": "failed", "said": "It went on.", "file": "lora.py", "line": 7},
        {"name": "resumes from its checkpoint", "outcome": "not asked", "said": "It does not stop."},
    ]
    return TrainerCheck.objects.create(
        method=method, state="failed", queue="default", trainer="lora", results=results, asked_at=now, finished_at=now
    )
