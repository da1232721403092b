"""The list of trains, as the pages call training jobs."""

from datetime import timedelta
from functools import cache
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Exists, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_filters import CharFilter, ChoiceFilter, FilterSet

from training_jobs.lists.train_actions import ACTIONS
from training_jobs.models import Priority, Status, TrainingJob, TrainingJobQuerySet, Worker
from training_methods import cells
from training_methods.lists import Catalogue, Column
from training_methods.models import TrainingMethod
from training_methods.selects import PlainSelect
from training_methods.templatetags.console import duration, significant, status

PERIODS = {
    "1": gettext_lazy("Since yesterday"),
    "7": gettext_lazy("Since a week ago"),
    "30": gettext_lazy("Since a month ago"),
}  # days


def method_choices() -> list[tuple[str, str]]:
    return list(TrainingMethod.objects.values_list("internal_name", "display_name"))


class JobFilter(FilterSet):
    q = CharFilter(method="search", label=gettext_lazy("Search"))
    status = ChoiceFilter(
        choices=Status.choices,
        label=gettext_lazy("Status"),
        empty_label=gettext_lazy("Any status"),
        widget=PlainSelect(),
    )
    method = ChoiceFilter(
        "method__internal_name",
        choices=method_choices,
        label=gettext_lazy("Method"),
        empty_label=gettext_lazy("Any method"),
        widget=PlainSelect(),
    )
    days = ChoiceFilter(
        choices=list(PERIODS.items()),
        method="submitted_within",
        label=gettext_lazy("Submitted"),
        empty_label=gettext_lazy("Any time"),
        widget=PlainSelect(),
    )
    by = CharFilter("created_by__username", label=gettext_lazy("By"))
    base = CharFilter("base_model_snapshot__name", method="frozen_name", label=gettext_lazy("Base model"))
    dataset = CharFilter("dataset_snapshot__name", method="frozen_name", label=gettext_lazy("Dataset"))

    class Meta:
        model = TrainingJob
        fields: list[str] = []

    def search(self, jobs: TrainingJobQuerySet, name: str, words: str) -> TrainingJobQuerySet:
        return jobs.matching(words)

    def frozen_name(self, jobs: TrainingJobQuerySet, name: str, value: str) -> TrainingJobQuerySet:
        """Looked for among the words as well, since these are in an index."""
        return jobs.filter(words__icontains=value, **{name: value})

    def submitted_within(self, jobs: TrainingJobQuerySet, name: str, days: str) -> TrainingJobQuerySet:
        return jobs.filter(created_at__gte=timezone.now() - timedelta(days=int(days)))


@cache  # to put it together takes longer than to read the jobs
def rows() -> QuerySet[TrainingJob]:
    is_served = Exists(Worker.objects.serving_queue_of_row())
    return TrainingJob.objects.for_lists().annotate(dataset_name=KT("dataset_snapshot__name"), is_served=is_served)


def standing(job: Any) -> str:
    """How far it is, or what keeps it."""
    if job.has_ended:
        words = {"done": cells.number(job.step), "all": cells.number(job.total_steps)}
        return _("%(done)s of %(all)s") % words if job.total_steps else cells.NOTHING
    if job.status != Status.QUEUED:
        return cells.part("training_jobs/_job_progress.html", job=job)
    if job.held_at:
        return _("Held by %(who)s") % {"who": job.held_by or _("somebody")}
    return _("Waits its turn") if job.is_served else _("No worker takes it")


def status_of(job: Any) -> SafeString:
    """With the step, where it ended early with its result."""
    shown = status(job.status, Status(job.status).label)
    if job.stopped_at is None:
        return shown
    said = _("early, at step %s") % intcomma(job.stopped_at)
    return format_html('{} <span class="text-secondary" title="{}">{}</span>', shown, job.stopped_early, said)


TRAINS = Catalogue(
    name="trains",
    label=gettext_lazy("Trains"),
    rows=rows,
    filters=JobFilter,
    selects=["status", "method", "days"],
    sort="-created_at",
    may_change=lambda job: not job.has_ended,
    columns=[
        Column(
            name="name",
            label=gettext_lazy("Train"),
            cell=lambda job: cells.link(job.get_absolute_url(), job.name, key=job.pk),
            value=lambda job: job.name,
            order=["name"],
            on_small_screens=True,
        ),
        Column(
            name="status",
            label=gettext_lazy("Status"),
            cell=lambda job: status_of(job),
            value=lambda job: job.status,
            order=["status", "-created_at"],
            on_small_screens=True,
        ),
        Column(
            name="method",
            label=gettext_lazy("Method"),
            cell=lambda job: cells.middle(job.method_snapshot.get("display_name", ""), 32),
            value=lambda job: job.method_snapshot.get("display_name", ""),
        ),
        Column(
            name="base",
            label=gettext_lazy("Base model"),
            cell=lambda job: cells.narrowed("base", job.base_model_snapshot.get("name", "")),
            value=lambda job: job.base_model_snapshot.get("name", ""),
        ),
        Column(
            name="dataset",
            label=gettext_lazy("Dataset"),
            cell=lambda job: cells.narrowed("dataset", job.dataset_name or ""),
            value=lambda job: job.dataset_name,
            is_shown=False,
        ),
        Column(
            name="progress",
            label=gettext_lazy("Progress"),
            cell=standing,
            value=lambda job: job.percent,
            on_small_screens=True,
        ),
        Column(
            name="loss",
            label=gettext_lazy("Loss"),
            cell=lambda job: significant(job.latest_metrics.get("loss")),
            value=lambda job: job.latest_metrics.get("loss"),
            is_number=True,
            on_small_screens=True,
        ),
        Column(
            name="priority",
            label=gettext_lazy("Priority"),
            cell=lambda job: job.get_priority_display(),
            value=lambda job: Priority(job.priority).name.lower(),
            is_shown=False,
        ),
        Column(
            name="queue",
            label=gettext_lazy("Queue"),
            cell=lambda job: job.queue,
            value=lambda job: job.queue,
            is_shown=False,
        ),
        Column(
            name="attempt",
            label=gettext_lazy("Attempt"),
            cell=lambda job: job.attempt,
            value=lambda job: job.attempt,
            is_number=True,
            is_shown=False,
        ),
        Column(
            name="taken",
            label=gettext_lazy("Took"),
            cell=lambda job: duration(job.seconds_taken),
            value=lambda job: job.seconds_taken and round(job.seconds_taken),
            is_number=True,
            is_shown=False,
        ),
        Column(
            name="by",
            label=gettext_lazy("By"),
            cell=lambda job: cells.narrowed("by", str(job.created_by or "")),
            value=lambda job: job.created_by or "",
        ),
        Column(
            name="created_at",
            label=gettext_lazy("Submitted"),
            cell=lambda job: cells.when(job.created_at),
            value=lambda job: job.created_at,
            order=["created_at"],
        ),
        Column(
            name="ended",
            label=gettext_lazy("Ended"),
            cell=lambda job: cells.when(job.finished_at),
            value=lambda job: job.finished_at,
            is_shown=False,
        ),
        Column(
            name="id",
            label="ID",
            cell=lambda job: cells.code(job.pk, length=36),
            value=lambda job: job.pk,
            is_shown=False,
        ),
    ],
    actions=ACTIONS,
)
