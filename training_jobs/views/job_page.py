"""The page of one job: its head, and its tabs, each a part of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zlib import crc32

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django_htmx.http import trigger_client_event

from training_jobs import health, log_lines, retries, waiting
from training_jobs.continuing import Prospects
from training_jobs.models import Status, TrainingJob
from training_jobs.views import checkpoints, curves, job_actions, job_files, job_log, job_overview, job_samples

LAST_LINES = 200  # of the log, beside a failure


@dataclass(frozen=True, kw_only=True)
class Tab:
    """A part of the page. `context`: what its template needs; `styles` and `scripts`: static files, in their order."""

    name: str
    label: str | Promise
    template: str
    context: Callable[[HttpRequest, TrainingJob], dict[str, Any]]
    styles: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


TABS = [
    Tab(
        name="overview",
        label=_("Train Overview"),
        template="training_jobs/_job_overview.html",
        context=job_overview.context,
        styles=("css/job.css",),
    ),
    Tab(
        name="evaluation",
        label=_("Evaluation Data"),
        template="training_jobs/_job_curves.html",
        context=curves.context,
        styles=curves.STYLES,
        scripts=curves.SCRIPTS,
    ),
    Tab(
        name="samples",
        label=_("Samples"),
        template="training_jobs/_job_samples.html",
        context=job_samples.context,
        styles=("css/job.css",),
    ),
    Tab(
        name="checkpoints",
        label=_("Checkpoints"),
        template="training_jobs/_job_checkpoints.html",
        context=checkpoints.context,
    ),
    Tab(
        name="log",
        label=_("Train Log"),
        template="training_jobs/_job_log.html",
        context=job_log.context,
        styles=("css/log.css",),
        scripts=("js/log/text.js", "js/log/lines.js", "js/log/search.js", "js/log/page.js"),
    ),
    Tab(
        name="files",
        label=_("Files"),
        template="training_jobs/_job_files.html",
        context=job_files.context,
        styles=("css/job.css",),
    ),
]


@require_safe
def job_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    tab = next((tab for tab in TABS if tab.name == request.GET.get("tab")), TABS[0])
    continued_by = {"continued_by": job.continued_by.all()}
    context = {**standing_of(job, request), **continued_by, "tab": tab, "tabs": TABS, **tab.context(request, job)}
    return render(request, "training_jobs/job_detail.html", context)


@require_safe
def job_state(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What the head of a job's page shows now; nothing if that is what `?seen=` names."""
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    standing, seen = standing_of(job, request), request.GET.get("seen", "")
    if seen == standing["state"]:
        return HttpResponse(status=204)
    changed = seen.rpartition("-")[0] != standing["state"].rpartition("-")[0]
    moved_on = seen.partition("-")[0] != job.status  # an open menu stays open until then
    context = standing | {"is_news": True, "changed": changed, "moved_on": moved_on}
    response = render(request, "training_jobs/_job_state.html", context)
    return trigger_client_event(response, "job-changed") if changed else response


def standing_of(job: TrainingJob, request: HttpRequest) -> dict[str, Any]:
    wait = waiting.look().wait_of(job).sentence if job.status == Status.QUEUED else ""
    state = state_of(job, wait)
    standing = {"job": job, "wait": wait, "state": state} | job_actions.offered(job, request.user)
    if job.status == Status.FAILED:
        return standing | failure_of(job)
    return standing | (beginning_of(job) if job.status == Status.QUEUED else {"health": health.of(job)})


def beginning_of(job: TrainingJob) -> dict[str, Any]:
    """Of one that waits: whether it was begun before its worker was lost or left, and where it goes on."""
    return {"was_begun": True, "start_step": Prospects(job).start_step} if job.started_at else {}


def failure_of(job: TrainingJob) -> dict[str, Any]:
    last_lines = "\n".join(line.plain for line in log_lines.tail(job.pk, LAST_LINES).lines)
    return {"changes": retries.changes(job), "last_lines": last_lines}


def state_of(job: TrainingJob, wait: str) -> str:
    """Tells two moments of a job apart. All but the end, its step and what it waits for, changes seldom."""
    last_event = job.events.aggregate(last=Max("pk"))["last"]
    return f"{job.status}-{job.attempt}-{last_event}-{job.step}.{crc32(wait.encode()):x}"
