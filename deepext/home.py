"""The home page: what runs, what needs attention, who works, and what came out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from deepext import demo, figures
from training_jobs import base_models, datasets, room, slot_uses
from training_jobs.models import CustomizedModel, Status, TrainingJob, Worker
from training_jobs.readiness import missing
from training_jobs.waiting import Scene, Wait, shares_of, workers_there
from training_methods import catalog
from training_methods.requests import HtmxRequest
from training_methods.sample_model import SampleError

RECENTLY = timedelta(days=7)
LONG_WAIT = timedelta(minutes=1)
MOST_WAITING, MOST_RECENT = 6, 6


@dataclass(frozen=True)
class Matter:
    """Something to see to, with the page where that is done, if there is one."""

    text: str
    url: str = ""
    label: str = ""


@require_safe
@vary_on_headers("HX-Request")
def home(request: HtmxRequest) -> HttpResponse:
    """The whole page, or for htmx the part of it that changes."""
    context = what_runs() | {"failed": recent_failures()}
    context["warnings"] = list(warnings(context["workers"], context["stuck"]))
    if request.htmx:
        return render(request, "_home_live.html", context)
    if not context["unfinished"] and not TrainingJob.objects.exists():
        return render(request, "home.html", context | first_steps(request))
    context |= {"models": CustomizedModel.objects.all()[:MOST_RECENT], "bases": figures.models_by_base()}
    return render(request, "home.html", context | {"chart": figures.trains_a_day()})


def what_runs() -> dict[str, Any]:
    """Every train that runs, and of those that wait the first few with what they wait for; and who works."""
    running = list(TrainingJob.objects.for_lists().active().order_by("started_at"))
    first = list(TrainingJob.objects.for_lists().waiting().in_turn(shares_of(running))[: MOST_WAITING + 1])
    others = TrainingJob.objects.waiting().count() - MOST_WAITING if len(first) > MOST_WAITING else 0
    workers = workers_there()
    turn = [job for job in first if not job.held_at]
    uses = slot_uses.unended()
    scene = Scene(workers=workers, running=running, turn=turn, in_use=slot_uses.slots_of(uses))
    waits = [(job, scene.wait_of(job)) for job in first[:MOST_WAITING]]
    return {
        "unfinished": [(job, None) for job in running] + waits,
        "others": others,
        "beside": [use for use in uses if use.is_running],
        "workers": [(worker, slots_in_use(worker, running, uses)) for worker in workers],
        "stuck": stuck(waits),
    }


def slots_in_use(worker: Worker, running: Sequence[TrainingJob], uses: Sequence[slot_uses.Use]) -> int:
    trains = sum(job.worker_id == worker.pk for job in running)
    return trains + sum(use.is_running and use.worker == worker.pk for use in uses)


def stuck(waits: Sequence[tuple[TrainingJob, Wait]]) -> list[str]:
    """Why some wait that have waited long, and go on waiting until somebody sees to the workers."""
    return sorted({wait.sentence for job, wait in waits if wait.is_stuck and is_long_ago(job.created_at)})


def is_long_ago(time: datetime) -> bool:
    return time < timezone.now() - LONG_WAIT


def recent_failures() -> QuerySet[TrainingJob]:
    failed = TrainingJob.objects.filter(status=Status.FAILED, finished_at__gt=timezone.now() - RECENTLY)
    return failed.only("name", "status", "stopped_at", "failure", "finished_at").order_by("-finished_at")[:MOST_RECENT]


def warnings(workers: Sequence[tuple[Worker, int]], stuck: Sequence[str]) -> Iterator[Matter]:
    """What is wrong with the site itself. The license has a banner of its own, on every page."""
    page = reverse("training_jobs:worker-list")
    too_full = room.too_full_to_start()
    for sentence in stuck:
        yield Matter(_("Trains wait. %(why)s") % {"why": sentence}, page, _("Workers"))
    if not workers and not stuck:
        yield Matter(_("No worker is there: trains wait until “make worker” starts one."), page, _("Workers"))
    if too_full and too_full not in stuck:
        yield Matter(too_full)
    if number := len(catalog.broken()):
        sentence = ngettext("%(number)s trainer does not load.", "%(number)s trainers do not load.", number)
        yield Matter(sentence % {"number": number}, reverse("training_methods:trainers"), _("Trainers"))


def first_steps(request: HttpRequest) -> dict[str, Any]:
    return {"is_new": True, "missing": missing(), "may_bring_sample": base_models.may_change(request.user)}


@require_POST
def bring_sample(request: HttpRequest) -> HttpResponse:
    """The small base model and the dataset that `make demo` uses, ready for a first train."""
    if not base_models.may_change(request.user):
        raise PermissionDenied
    try:
        base_model, dataset = demo.base_model(), demo.dataset()
    except (SampleError, base_models.BadBaseModel, datasets.BadDataset) as error:
        messages.error(request, str(error))
        return redirect("home")
    names = {"base_model": base_model.name, "dataset": dataset.name}
    messages.success(request, _("“%(base_model)s” and the dataset “%(dataset)s” are here.") % names)
    return redirect("training_jobs:job-new")
