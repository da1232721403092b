"""The pages of training jobs: the list, and one job with what it does just now."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID
from zlib import crc32

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from training_jobs import leases, logs, metrics, samples, waiting
from training_jobs.filters import JobFilter
from training_jobs.models import FoundationModel, JobEvent, Status, TrainingJob
from training_methods.models import METHOD_TYPES
from training_methods.paging import OneQueryPaginator
from training_methods.requests import HtmxRequest

ROWS = 25
MOST_POINTS = 2000  # of a curve; more than a screen has pixels
CANCELLING = "The train was asked to stop."
TABS = {"overview": "Train Overview", "evaluation": "Evaluation Data", "log": "Train Log"}


@require_safe
@vary_on_headers("HX-Request")
def job_list(request: HtmxRequest) -> HttpResponse:
    """The whole page, or for htmx its rows alone."""
    found = JobFilter(request.GET, TrainingJob.objects.for_lists())
    page = OneQueryPaginator(found.qs, ROWS).get_page(request.GET.get("page", 1))
    context = {
        "page_obj": page,
        "filter_fields": [found.form["status"], found.form["method"]],
        "live": any(not job.has_ended for job in page),
    }
    return render(request, f"training_jobs/{'_job_rows' if request.htmx else 'job_list'}.html", context)


@require_safe
def job_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    tab = request.GET.get("tab") if request.GET.get("tab") in TABS else "overview"
    context = standing_of(job, request) | {"tab": tab, "tabs": TABS}
    if tab == "overview":
        context |= overview_of(job)
    elif tab == "log":
        context |= log_of(job, from_start="from" in request.GET)
    return render(request, "training_jobs/job_detail.html", context)


def overview_of(job: TrainingJob) -> dict[str, Any]:
    changed = {name: job.parameters[name] for name in job.changed_parameters}
    same = {name: value for name, value in job.parameters.items() if name not in changed}
    method_type = job.method_snapshot["method_type"]
    return {
        "method_type": dict(METHOD_TYPES).get(method_type, method_type),
        "changed": changed.items(),
        "same": same.items(),
        "references": list(references_of(job)),
        "events": job.events.exclude(kind=JobEvent.SAMPLE),
        "samples": samples.read(job),
    }


def references_of(job: TrainingJob) -> Iterator[tuple[str, FoundationModel | None, dict[str, Any]]]:
    """Parameter, base model unless that is deleted, and what was frozen of it."""
    records = {model.pk: model for model in job.referred_models.all()} if job.reference_snapshots else {}
    for parameter, snapshot in job.reference_snapshots.items():
        yield parameter.replace("_", " ").capitalize(), records.get(snapshot["id"]), snapshot


def log_of(job: TrainingJob, *, from_start: bool) -> dict[str, Any]:
    after = 0 if from_start else logs.end(job.pk)
    log = logs.read(job.pk, after=after)
    return {"log": log, "text": as_on_a_terminal(log.text), "starts_late": after > 0}


def as_on_a_terminal(text: str) -> str:
    """Of a line that was written over, as progress bars do by a carriage return, only what was left standing."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


@require_safe
def job_state(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What the head of a job's page shows now; nothing if that is what `?seen=` names."""
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    standing, seen = standing_of(job, request), request.GET.get("seen", "")
    if seen == standing["state"]:
        return HttpResponse(status=204)
    changed = seen.rpartition("-")[0] != standing["state"].rpartition("-")[0]
    context = standing | {"is_news": True, "changed": changed}
    response = render(request, "training_jobs/_job_state.html", context)
    return trigger_client_event(response, "job-changed") if changed else response


def standing_of(job: TrainingJob, request: HttpRequest) -> dict[str, Any]:
    wait = waiting.look().wait_of(job).sentence if job.status == Status.QUEUED else ""
    state = state_of(job, wait)
    return {"job": job, "wait": wait, "state": state, "may_cancel": job.may_be_cancelled_by(request.user)}


def state_of(job: TrainingJob, wait: str) -> str:
    """Tells two moments of a job apart. All but the end, its step and what it waits for, changes seldom."""
    last_event = job.events.aggregate(last=Max("pk"))["last"]
    return f"{job.status}-{job.attempt}-{last_event}-{job.step}.{crc32(wait.encode()):x}"


@require_safe
def job_metrics(request: HttpRequest, pk: UUID) -> JsonResponse:
    job = get_object_or_404(TrainingJob.objects.only("status"), pk=pk)  # first, so that “ended” means there is no more
    reading = metrics.read(pk, after=cursor_in(request), most=MOST_POINTS)
    curves = {name: {"steps": curve.steps, "values": curve.values} for name, curve in reading.curves.items()}
    return JsonResponse(
        {
            "cursor": reading.cursor,
            "replaced_from": reading.replaced_from,
            "curves": curves,
            "more": False,
            "ended": job.has_ended,
        }
    )


@require_safe
def job_log(request: HttpRequest, pk: UUID) -> HttpResponse | StreamingHttpResponse:
    """What came after a cursor, or with `?download` everything that is stored."""
    job = get_object_or_404(TrainingJob.objects.only("status", "name"), pk=pk)
    if "download" in request.GET:
        headers = {"Content-Disposition": content_disposition_header(True, f"{job.name}.log") or ""}
        return StreamingHttpResponse(stored_log(pk), content_type="text/plain; charset=utf-8", headers=headers)
    piece = logs.read(pk, after=cursor_in(request))
    return JsonResponse({**asdict(piece), "ended": job.has_ended and not piece.more})


def stored_log(job_id: UUID) -> Iterator[str]:
    cursor, more = 0, True
    while more:
        piece = logs.read(job_id, after=cursor)
        cursor, more = piece.cursor, piece.more
        yield piece.text


def cursor_in(request: HttpRequest) -> int:
    """What `?after=` says; anything that is no cursor starts from the beginning."""
    after = request.GET.get("after", "")[:18]
    return int(after) if after.isascii() and after.isdecimal() else 0


@require_http_methods(["GET", "HEAD", "POST"])
def job_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks for confirmation, then stops the job."""
    job = get_object_or_404(TrainingJob, pk=pk)
    if not job.may_be_cancelled_by(request.user):
        raise PermissionDenied(f"“{job}” was started by somebody else: staff can cancel it.")
    if request.method == "POST":
        if leases.request_cancel(job.pk, by=request.user.get_username()):
            messages.success(request, CANCELLING if job.status != Status.QUEUED else "Cancelled before it started.")
        else:
            messages.info(request, "There was nothing to cancel: the train has ended, or was asked to stop before.")
        return redirect(job)
    return render(request, "training_jobs/job_cancel.html", {"job": job})
