"""What a job's settings are called: by the labels that its trainer gave them when it was submitted."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from training_jobs.models import TrainingJob
from training_methods import catalog
from training_methods.catalog import UnknownTrainer
from training_methods.trainers.parameters import Parameter

Labels = dict[str, str]


def labels(job: TrainingJob) -> Labels:
    """Setting → what the form calls it, in the reader's language. Those without a label are not among them."""
    return translated(job.parameter_labels or declared(job))


def translated(labels: Labels) -> Labels:
    return {name: _(label) for name, label in labels.items()}


def labels_of_all(jobs: Iterable[TrainingJob]) -> Labels:
    """Where trainers call the same setting otherwise, the first job's counts."""
    found: Labels = {}
    for job in jobs:
        found = labels(job) | found
    return found


def frozen(parameters: Iterable[Parameter]) -> Labels:
    """As a job keeps them: as the trainer says them, which is English."""
    return {one.name: one.label for one in parameters if one.label}


def declared(job: TrainingJob) -> Labels:
    """By the trainer as it is now, for jobs of a time before labels were kept."""
    try:
        return frozen(catalog.get(job.method_snapshot.get("trainer", "")).parameters)
    except UnknownTrainer:
        return {}
