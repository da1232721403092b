"""Jobs side by side: what was set differently, what is known of each, what it reached and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from training_jobs import lineage, metric_names, metrics, samples, setting_names
from training_jobs.metric_labels import label_of
from training_jobs.models import TrainingJob
from training_jobs.samples import Part

ABSENT = "–"  # a setting that a job's trainer does not have; None is a value


@dataclass(frozen=True)
class Row:
    """What each job has under a name, which a page calls by its label."""

    name: str
    label: str
    values: list[Any]

    @property
    def differs(self) -> bool:
        return any(value != self.values[0] for value in self.values)


@dataclass(frozen=True)
class Reached:
    """What a metric came to. None: the job has no such metric, or nobody can say what is best."""

    final: float | None
    best: float | None
    is_best_of_all: bool = False


def settings(jobs: Sequence[TrainingJob]) -> list[Row]:
    """Everything that was frozen, the library versions too."""
    labels = setting_names.labels_of_all(jobs)
    frozen = [lineage.frozen(job, labels) | job.versions for job in jobs]
    names = dict.fromkeys(name for one in frozen for name in one)
    return [Row(name, labels.get(name, name), [one.get(name, ABSENT) for one in frozen]) for name in names]


def reached(jobs: Sequence[TrainingJob]) -> list[Row]:
    """Of every metric the last value of each job and its best. None is the best of all where the rows were others."""
    curves = [metrics.read(job.pk, most=metrics.DRAWN).curves for job in jobs]
    names = metric_names.in_order({name for one in curves for name in one})
    rows = [Row(name, label_of(name), [reached_in(name, one) for one in curves]) for name in names]
    if len({job.dataset_snapshot.get("sha256") for job in jobs}) > 1:
        return rows
    return [replace(row, values=marked(row.name, row.values)) for row in rows]


def reached_in(name: str, curves: dict[str, metrics.Curve]) -> Reached | None:
    if name not in curves:
        return None
    values = curves[name].values
    final = next((value for value in reversed(values) if value is not None), None)
    return Reached(final, metric_names.best_of(name, values))


def marked(name: str, cells: list[Reached | None]) -> list[Reached | None]:
    best = metric_names.best_of(name, [cell.best for cell in cells if cell])
    several = sum(cell is not None for cell in cells) > 1
    return [
        Reached(cell.final, cell.best, several and best is not None and cell.best == best) if cell else None
        for cell in cells
    ]


@dataclass(frozen=True)
class Answers:
    """What the jobs' models answered to a prompt at last: its step and parts for each, None where there is none."""

    prompt: str
    answers: list[tuple[int, list[Part]] | None]


def answers(jobs: Sequence[TrainingJob]) -> list[Answers]:
    """To the prompts that at least two jobs were asked. The words that the first job's answer has not are marked."""
    last = [{sample.prompt: sample.newest[0] for sample in samples.read(job)} for job in jobs]
    prompts = dict.fromkeys(prompt for one in last for prompt in one)
    shared = [prompt for prompt in prompts if sum(prompt in one for one in last) > 1]
    return [Answers(prompt, beside_the_first([one.get(prompt) for one in last])) for prompt in shared]


def beside_the_first(found: list[samples.Answer | None]) -> list[tuple[int, list[Part]] | None]:
    first = next(answer for answer in found if answer)
    return [
        (answer.step, samples.pair("", first.text, answer.text).right or [Part(answer.text, False)]) if answer else None
        for answer in found
    ]
