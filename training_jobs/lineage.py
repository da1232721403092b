"""Where a job comes from: its settings beside the defaults and beside the job it is a copy of, and its attempts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_jobs import setting_names
from training_jobs.models import Dataset, FoundationModel, JobEvent, TrainingJob
from training_methods.numbers import rounded

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
    labels = setting_names.labels_of_all([job, original])
    here, there = frozen(job, labels), frozen(original, labels)
    return [
        Setting(name, labels.get(name, name), here.get(name), there.get(name), is_known=True)
        for name in dict.fromkeys([*here, *there])
        if here.get(name) != there.get(name)
    ]


def frozen(job: TrainingJob, labels: Mapping[str, str]) -> dict[str, Any]:
    """Everything that decides what a job does, by name. `labels`: of its settings, the same for jobs side by side."""
    code = {
        _("Method"): job.method_snapshot.get("display_name"),
        _("Trainer"): job.method_snapshot.get("trainer"),
        _("Code"): in_short(job.method_snapshot.get("code_hash")),
    }
    if rewards := job.method_snapshot.get("rewards_hash"):
        code[_("Code of the site's own rewards")] = in_short(rewards)
    needed = conditions(job.method_snapshot.get("config") or {}, job.queue, job.gpus)
    return code | inputs(job, labels) | {_("Seed"): job.seed} | needed | job.parameters


def in_short(digest: str | None) -> str:
    return (digest or "")[:12]


def inputs(job: TrainingJob, labels: Mapping[str, str]) -> dict[str, Any]:
    """The models and the dataset."""
    found = {
        _("Base model"): job.base_model_snapshot.get("name"),
        _("Fingerprint of the base model"): in_short(job.base_model_snapshot.get("fingerprint")),
    }
    for name, model in job.reference_snapshots.items():
        label = _("Fingerprint of “%(setting)s”") % {"setting": labels.get(name, name)}
        found[label] = in_short(model.get("fingerprint"))
    dataset = job.dataset_snapshot
    found |= {
        _("Dataset"): dataset.get("name"),
        _("SHA-256 of the dataset"): in_short(dataset.get("sha256")),
        _("Format of the dataset"): Dataset(data_format=dataset.get("data_format", "")).format_label,
        _("Columns of the dataset"): columns_read(dataset.get("mapping") or {}),
    }
    return found


def columns_read(mapping: Mapping[str, str]) -> str:
    """The format's columns, each with the file's where that is called otherwise."""
    told = _("%(name)s from %(column)s")
    pairs = sorted(mapping.items())
    return ", ".join(name if name == column else told % {"name": name, "column": column} for name, column in pairs)


def conditions(config: Mapping[str, Any], queue: str, gpus: int | None) -> dict[str, Any]:
    """What a method's configuration says of how its jobs run."""
    limits = config.get("resources") or {}
    minutes, memory = limits.get("time_limit_minutes"), limits.get("memory_gb")
    in_minutes = ngettext("%(minutes)s minute", "%(minutes)s minutes", minutes or 0) % {"minutes": minutes}
    return {
        _("Interpreter"): config.get("interpreter") or _("the worker's own"),
        _("Queue"): queue,
        _("GPUs asked for"): _("one where there are any") if gpus is None else gpus,
        _("Time limit"): in_minutes if minutes else _("no limit"),
        _("Memory limit"): f"{rounded(memory, 6)} GB" if memory else _("no limit"),
    }


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
