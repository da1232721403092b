"""What a failed job could be started again with so that it gets further, and doing it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone

from training_jobs.models import JobEvent, Status, TrainingJob
from training_jobs.submission import LONGEST_NAME, submit
from training_methods import catalog, config
from training_methods.catalog import UnknownTrainer
from training_methods.trainers.events import Cause
from training_methods.trainers.parameters import Parameter

Values = dict[str, Any]

# Built-in trainers and the argument contract of scripts have names of their own for the same.
ACCUMULATIONS = ("gradient_accumulation_steps", "grad_accum_steps")
LENGTHS = ("max_length", "max_seq_length", "max_completion_length", "max_content_length")
PROMPT_LENGTH = "max_prompt_length"
SHORTEST = 64  # tokens; half of that teaches nothing
RETRIED = re.compile(r"(?P<name>.*?)-retry(?:-(?P<number>\d+))?")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One parameter that would be another."""

    name: str
    label: str
    before: Any
    after: Any


def changes(job: TrainingJob) -> list[Change]:
    """With which a failed job would have got further, of those that its method allows. None: nobody knows any."""
    if job.status != Status.FAILED or not job.failure or not (job.method and job.base_model and job.dataset):
        return []
    offered = offered_by(job)
    proposed = rule_of(job)(job) | job.failure.get("changes", {})
    return [
        Change(name=name, label=offered[name].label or name, before=job.parameters[name], after=value)
        for name, value in proposed.items()
        if name in offered and name in job.parameters and helps(name, value, job) and not unfit(value, offered[name])
    ]


def offered_by(job: TrainingJob) -> dict[str, Parameter]:
    assert job.method
    try:
        trainer = catalog.get(job.method.trainer)
    except UnknownTrainer:
        return {}
    return {parameter.name: parameter for parameter in config.offered(trainer, job.method.config)}


def helps(name: str, value: Any, job: TrainingJob) -> bool:
    """Whether it is another value, and a length longer for a text that the base model can read."""
    before = job.parameters[name]
    room = job.base_model_snapshot.get("context_length")
    if name in (*LENGTHS, PROMPT_LENGTH) and not is_short_of_memory(job):
        return value > before and (room is None or value <= room)
    return value != before


def unfit(value: Any, parameter: Parameter) -> bool:
    return parameter.locked or bool(config.misfit_of(value, parameter))


def is_short_of_memory(job: TrainingJob) -> bool:
    return cause_of(job) in (Cause.OUT_OF_MEMORY, Cause.OUT_OF_GPU_MEMORY)


def rule_of(job: TrainingJob) -> Callable[[TrainingJob], Values]:
    return RULES.get(cause_of(job), lambda _: {})


def cause_of(job: TrainingJob) -> str:
    return (job.failure or {}).get("cause") or ""


def less_memory(job: TrainingJob) -> Values:
    """First what leaves the result as it is, and only then shorter texts."""
    values = job.parameters
    saved = smaller_batches(values)
    if values.get("gradient_checkpointing") is False:
        saved["gradient_checkpointing"] = True
    return saved or {name: length // 2 for name in LENGTHS if (length := number(values, name)) // 2 >= SHORTEST}


def smaller_batches(values: Mapping[str, Any]) -> Values:
    """Fewer rows at once, added up as often as it takes for a step of the same rows."""
    size = number(values, "batch_size")
    if size < 2:
        return {}
    parts = 2 if size % 2 == 0 else size
    added_up = {name: times * parts for name in ACCUMULATIONS if (times := number(values, name))}
    return {"batch_size": size // parts} | added_up


def number(values: Mapping[str, Any], name: str) -> int:
    """0 where there is none: a site's own trainer may mean anything by a name."""
    value = values.get(name)
    return value if type(value) is int else 0


def smaller_steps(job: TrainingJob) -> Values:
    values: Values = job.parameters
    calmer: Values = {}
    if isinstance(values.get("learning_rate"), float):
        calmer["learning_rate"] = float(f"{values['learning_rate'] / 10:.3g}")
    if values.get("warmup_ratio") == 0:
        calmer["warmup_ratio"] = 0.1
    if values.get("precision") == "bf16":
        calmer["precision"] = "fp32"
    return calmer


def fewer_steps(job: TrainingJob) -> Values:
    """As many as went into the time, with a tenth to spare."""
    return {"max_steps": job.step * 9 // 10} if job.step > 1 else {}


RULES: dict[str, Callable[[TrainingJob], Values]] = {
    Cause.OUT_OF_MEMORY: less_memory,
    Cause.OUT_OF_GPU_MEMORY: less_memory,
    Cause.NOT_A_NUMBER: smaller_steps,
    Cause.TIME_LIMIT: fewer_steps,
}


def values_of(job: TrainingJob) -> Values:
    """The job's own, with the changes."""
    return job.parameters | {change.name: change.after for change in changes(job)}


def retry(job: TrainingJob, user: AbstractBaseUser | AnonymousUser) -> TrainingJob:
    """Start a new job with the changes. Raises submission.Refused where it cannot be started so any more."""
    assert job.method
    assert job.base_model
    assert job.dataset
    with transaction.atomic():
        again = submit(
            method=job.method,
            base_model=job.base_model,
            dataset=job.dataset,
            name=name_again(job.name),
            values=values_of(job),
            seed=job.seed,
            user=user,
            copied_from=job,
        )
        record(again, "retry-of", job)
        record(job, "retried-as", again)
    return again


def record(job: TrainingJob, kind: str, other: TrainingJob) -> None:
    data = {"job": str(other.pk), "name": other.name}
    JobEvent.objects.create(job=job, attempt=job.attempt, kind=kind, at=timezone.now(), data=data)


def name_again(name: str) -> str:
    """acorn → acorn-retry → acorn-retry-2."""
    found = RETRIED.fullmatch(name)
    suffix = f"-retry-{int(found['number'] or 1) + 1}" if found else "-retry"
    return (found["name"] if found else name)[: LONGEST_NAME - len(suffix)] + suffix
