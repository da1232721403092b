"""Evaluation Data: the curves of one job or of several, drawn by static/js/curves, and all their points as CSV."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from training_jobs import metric_names, metrics
from training_jobs.metric_labels import label_of
from training_jobs.metrics import Curve
from training_jobs.models import TrainingJob
from training_jobs.views import picker
from training_jobs.views.numbers import number_in
from training_methods.csv_files import lines

PARTS = ("points", "run", "settings", "figure", "picture", "page")
STYLES = ("vendor/uplot/uPlot.min.css", "css/job.css", "css/curves.css")
SCRIPTS = ("vendor/uplot/uPlot.iife.min.js", *(f"js/curves/{part}.js" for part in PARTS))


def context(request: HttpRequest, job: TrainingJob) -> dict[str, Any]:
    """The job's curves, with those of the jobs that `?with=` lays over them."""
    others = picker.chosen(request, "with", most=picker.MOST_JOBS - 1)
    shown = [job, *(other for other in others.jobs if other != job)]
    return {
        "chosen": others,
        "found": picker.found(request, without=shown),
        "picks": "with",
        **drawing_of(shown),
    }


def drawing_of(jobs: Sequence[TrainingJob]) -> dict[str, Any]:
    """What `_curves.html` needs."""
    return {
        "runs": list(enumerate(jobs, 1)),
        "curve_runs": [run_of(job, slot) for slot, job in enumerate(jobs, 1)],
        "curve_groups": [(name, label, name in metric_names.FOLDED) for name, label in metric_names.GROUPS.items()],
        "curve_words": words(),
    }


def run_of(job: TrainingJob, slot: int) -> dict[str, Any]:
    """A job as the script knows it. `slot` tells its colour and its dashes."""
    return {
        "name": job.name,
        "slot": slot,
        "metrics": reverse("training_jobs:job-metrics", args=[job.pk]),
        "csv": reverse("training_jobs:job-csv", args=[job.pk]),
        "started": (job.started_at or job.created_at).timestamp(),
    }


def words() -> dict[str, str]:
    """What the script says, in the reader's language."""
    return {
        "last": _("last %(value)s at step %(step)s"),
        "lowest": _("lowest %(value)s at step %(step)s"),
        "highest": _("highest %(value)s at step %(step)s"),
        "lowest is best": metric_names.LESS_IS_BETTER.pattern,
        "highest is best": metric_names.MORE_IS_BETTER.pattern,
        "missing": _("%(count)s not a number"),
        "at": _("%(value)s at step %(step)s"),
        "nothing": _("no such values on this axis"),
        "picture": _("Save %(name)s as PNG"),
        "points": _("Download the points of %(name)s as CSV"),
        "plot": _("Curve of %(name)s. The arrow keys move along it."),
    }


@require_safe
def job_metrics(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Curves after a cursor, or with `?from=` and `?to=` the finer points between two steps."""
    job = get_object_or_404(TrainingJob.objects.only("status"), pk=pk)  # first, so that “ended” means there is no more
    between = (number_in(request, "from"), number_in(request, "to")) if "to" in request.GET else None
    reading = metrics.read(pk, after=number_in(request, "after"), most=metrics.DRAWN, between=between)
    return JsonResponse(
        {
            "cursor": reading.cursor,
            "replaced_from": reading.replaced_from,
            "curves": {name: as_sent(name, reading.curves[name]) for name in metric_names.in_order(reading.curves)},
            "ended": job.has_ended,
        }
    )


def as_sent(name: str, curve: Curve) -> dict[str, Any]:
    return {
        "steps": curve.steps,
        "values": curve.values,
        "times": [round(at, 1) for at in curve.times],
        "label": label_of(name),
        "group": metric_names.group_of(name),
        "rank": metric_names.rank(name),
    }


@require_safe
def job_csv(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    """Every point: of `?metric=`, or of all, a row for each report."""
    job = get_object_or_404(TrainingJob.objects.only("name"), pk=pk)
    known = metric_names.in_order(metrics.read(pk, most=metrics.DRAWN).curves)
    metric = request.GET.get("metric")
    if metric is not None and metric not in known:
        raise Http404(_("“%(job)s” reported no metric %(metric)s.") % {"job": job, "metric": metric})
    file = f"{job.name}-{metric.replace('/', '-')}.csv" if metric else f"{job.name}.csv"
    headers = {"Content-Disposition": content_disposition_header(True, file) or ""}
    names = [metric] if metric else known
    content = lines(["step", "time", *names], rows(pk, names))
    return StreamingHttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)


def rows(job_id: UUID, names: Sequence[str]) -> Iterator[list[object]]:
    for step, at, values in metrics.reports(job_id):
        if any(name in values for name in names):
            when = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
            yield [step, when, *in_columns(values, names)]


def in_columns(values: dict[str, float | None], names: Iterable[str]) -> Iterator[object]:
    """Empty: not reported then."""
    for name in names:
        yield "" if name not in values else "nan" if values[name] is None else values[name]
