from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.vary import vary_on_headers

from training_jobs.models import CustomizedModel, Status, TrainingJob
from training_jobs.readiness import missing
from training_jobs.waiting import Scene, Wait, workers_there
from training_methods.requests import HtmxRequest

RECENTLY = timedelta(days=7)
LONG_WAIT = timedelta(minutes=1)
MOST_WAITING, MOST_RECENT = 6, 6


@vary_on_headers("HX-Request")
def home(request: HtmxRequest) -> HttpResponse:
    """The whole page, or for htmx the part of it that changes."""
    models = CustomizedModel.objects.all()[:MOST_RECENT]
    context = what_runs() | {"failed": recent_failures(), "models": models}
    if request.htmx:
        return render(request, "_home_live.html", context)
    if not context["unfinished"] and not TrainingJob.objects.exists():
        context |= {"is_new": True, "missing": missing()}
    return render(request, "home.html", context)


def what_runs() -> dict[str, Any]:
    """Every train that runs, and of those that wait the first few with what they wait for."""
    running = list(TrainingJob.objects.for_lists().active().order_by("started_at"))
    first = list(TrainingJob.objects.for_lists().waiting().in_turn()[: MOST_WAITING + 1])
    others = TrainingJob.objects.waiting().count() - MOST_WAITING if len(first) > MOST_WAITING else 0
    waits = what_they_wait_for(running, first[:MOST_WAITING])
    return {
        "unfinished": [(job, None) for job in running] + waits,
        "others": others,
        "machines": sorted({job.machine for job in running}),
        "stuck": sorted({wait.sentence for job, wait in waits if wait.is_stuck and is_long_ago(job.created_at)}),
    }


def what_they_wait_for(running: list[TrainingJob], first: list[TrainingJob]) -> list[tuple[TrainingJob, Wait]]:
    if not first:
        return []
    turn = [job for job in first if not job.held_at]
    scene = Scene(workers=workers_there(), running=running, turn=turn)
    return [(job, scene.wait_of(job)) for job in first]


def is_long_ago(time: datetime) -> bool:
    return time < timezone.now() - LONG_WAIT


def recent_failures() -> QuerySet[TrainingJob]:
    failed = TrainingJob.objects.filter(status=Status.FAILED, finished_at__gt=timezone.now() - RECENTLY)
    return failed.order_by("-finished_at")[:MOST_RECENT]


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers as soon as the web process runs."""
    return HttpResponse("ok", content_type="text/plain")
