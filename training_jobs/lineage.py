"""Where a job comes from: its settings beside the defaults and beside the job it is a copy of, and its attempts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from training_jobs import setting_names
from training_jobs.models import FoundationModel, JobEvent, TrainingJob

ENDINGS = ("released", "worker-lost", "interrupted", "failure")


@dataclass(frozen=True)
class Setting:
    """A parameter's value, and what it is held against: the default, or another job's. `is_known`: there is such."""

    name: str
    label: str
    value: Any
    other: Any = None
    is_known: bool = False


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """`ending`: the event that ended it before the job's end, if one did."""

    number: int
    started_at: datetime
    owner: str
    hardware: dict[str, Any]
    ending: JobEvent | None

    @property
    def host(self) -> str:
        return self.hardware.get("host") or self.owner.partition(":")[0]


def changed(job: TrainingJob) -> list[Setting]:
    """What differs from the method's defaults at submit."""
    known, labels = job.default_parameters, setting_names.labels(job)
    return [
        Setting(name, labels.get(name, name), job.parameters[name], known.get(name), name in known)
        for name in job.changed_parameters
        if name in job.parameters
    ]


def unchanged(job: TrainingJob) -> list[Setting]:
    same = {name: value for name, value in job.parameters.items() if name not in job.changed_parameters}
    return settings(same, setting_names.labels(job))


def settings(values: Mapping[str, Any], labels: Mapping[str, str]) -> list[Setting]:
    """Held against nothing."""
    return [Setting(name, labels.get(name, name), value) for name, value in values.items()]


def differences(job: TrainingJob, original: TrainingJob) -> list[Setting]:
    """What is not as it was in the job that this one is a copy of."""
    here, there, labels = frozen(job), frozen(original), setting_names.labels_of_all([job, original])
    return [
        Setting(name, labels.get(name, name), here.get(name), there.get(name), is_known=True)
        for name in dict.fromkeys([*here, *there])
        if here.get(name) != there.get(name)
    ]


def frozen(job: TrainingJob) -> dict[str, Any]:
    """Everything that decides what a job does, by name."""
    chosen = {
        _("Method"): job.method_snapshot.get("display_name"),
        _("Trainer"): job.method_snapshot.get("trainer"),
        _("Code"): (job.method_snapshot.get("code_hash") or "")[:12],
        _("Base model"): job.base_model_snapshot.get("name"),
        _("Fingerprint of the base model"): (job.base_model_snapshot.get("fingerprint") or "")[:12],
        _("Dataset"): job.dataset_snapshot.get("name"),
        _("SHA-256 of the dataset"): (job.dataset_snapshot.get("sha256") or "")[:12],
        _("Seed"): job.seed,
    }
    return chosen | job.parameters


def attempts(events: Iterable[JobEvent]) -> list[Attempt]:
    """In order, from what is recorded of them."""
    begun: dict[int, JobEvent] = {}
    ended: dict[int, JobEvent] = {}
    for event in events:
        if event.kind == "claimed":
            begun[event.attempt] = event
        elif event.kind in ENDINGS:
            ended[event.attempt] = event
    return [
        Attempt(
            number=number,
            started_at=event.at,
            owner=event.data.get("owner", ""),
            hardware=event.data.get("hardware") or {},
            ending=ended.get(number),
        )
        for number, event in begun.items()
    ]


def references_of(job: TrainingJob) -> Iterator[tuple[str, FoundationModel | None, dict[str, Any]]]:
    """The parameter's label, base model unless that is deleted, and what was frozen of it."""
    records = {model.pk: model for model in job.referred_models.all()} if job.reference_snapshots else {}
    labels = setting_names.labels(job) if job.reference_snapshots else {}
    for parameter, snapshot in job.reference_snapshots.items():
        yield labels.get(parameter, parameter), records.get(snapshot["id"]), snapshot
