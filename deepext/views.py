from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.vary import vary_on_headers

from training_jobs.models import CustomizedModel, Status, TrainingJob
from training_jobs.readiness import missing
from training_methods.requests import HtmxRequest

RECENTLY = timedelta(days=7)
LONG_WAIT = timedelta(minutes=1)
MOST_WAITING, MOST_RECENT = 6, 6


@vary_on_headers("HX-Request")
def home(request: HtmxRequest) -> HttpResponse:
    """The whole page, or for htmx the part of it that changes."""
    context = what_runs() | what_needs_attention()
    context["models"] = CustomizedModel.objects.all()[:MOST_RECENT]
    if request.htmx:
        return render(request, "_home_live.html", context)
    if not TrainingJob.objects.exists():
        context |= {"is_new": True, "missing": missing()}
    return render(request, "home.html", context)


def what_runs() -> dict[str, Any]:
    """Every train that runs, and of those that wait the first few."""
    running = list(TrainingJob.objects.for_lists().active().order_by("started_at"))
    queued = TrainingJob.objects.for_lists().filter(status=Status.QUEUED).order_by("-priority", "created_at")
    next_ones = list(queued[: MOST_WAITING + 1])
    others = queued.count() - MOST_WAITING if len(next_ones) > MOST_WAITING else 0
    machines = sorted({job.machine for job in running})
    return {"unfinished": running + next_ones[:MOST_WAITING], "others": others, "machines": machines}


def what_needs_attention() -> dict[str, Any]:
    now = timezone.now()
    failed = TrainingJob.objects.filter(status=Status.FAILED, finished_at__gt=now - RECENTLY).order_by("-finished_at")
    waiting = TrainingJob.objects.claimable().filter(created_at__lt=now - LONG_WAIT)
    is_stuck = waiting.exists() and not TrainingJob.objects.active().exists()
    return {"failed": failed[:MOST_RECENT], "is_stuck": is_stuck}


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers as soon as the web process runs."""
    return HttpResponse("ok", content_type="text/plain")
