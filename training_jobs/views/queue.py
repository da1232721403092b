"""The queue: which trains wait, in which order, for what; and what people may change about that."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from training_jobs import deletion, ordering
from training_jobs.lists import queue
from training_jobs.lists.queue_rows import rows
from training_jobs.models import Priority, TrainingJob
from training_methods.requests import HtmxRequest


@require_safe
@vary_on_headers("HX-Request")
def job_queue(request: HtmxRequest) -> HttpResponse:
    """The whole page, or for htmx the part of it that changes."""
    return show(request)


def show(request: HtmxRequest, said: str = "") -> HttpResponse:
    page = queue.read(request)
    context = {"queue": page, "rows": list(rows(page, request)), "said": said}
    return render(request, f"training_jobs/{'_queue' if request.htmx else 'queue'}.html", context)


@require_POST
def job_turn(request: HtmxRequest, pk: UUID) -> HttpResponse:
    """Holds, releases or moves a job, or gives it a priority, as `change` says; `beside` names the job to move to."""
    job = get_object_or_404(TrainingJob.objects.select_related("held_by"), pk=pk)
    said = changed(job, request)
    if request.htmx:
        return show(request, said)
    messages.info(request, said)
    return redirect(job if request.POST.get("back") == "job" else "training_jobs:job-queue")


def changed(job: TrainingJob, request: HttpRequest) -> str:
    wish, user = request.POST.get("change", ""), request.user
    if wish == "hold":
        return held(job, user)
    if wish == "release":
        return released(job, user)
    if wish in MOVES:
        return moved(job, MOVES[wish](job, by=user))
    if wish in BESIDE:
        return moved(job, BESIDE[wish](job, other_in(request), by=user))
    if wish in PRIORITIES:
        return prioritised(job, PRIORITIES[wish], user)
    raise Http404(f"A waiting train cannot be asked to “{wish[:20]}”.")


def held(job: TrainingJob, user: Any) -> str:
    if ordering.hold(job, by=user):
        return _("“%(train)s” is held: no worker takes it until it is released.") % {"train": job}
    return _("“%(train)s” does not wait, or is held already.") % {"train": job}


def released(job: TrainingJob, user: Any) -> str:
    if ordering.release(job, by=user):
        return _("“%(train)s” is released: it waits its turn again.") % {"train": job}
    return _("“%(train)s” is not held.") % {"train": job}


def other_in(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("beside", ""))
    except ValueError as error:
        raise Http404("There is no such train.") from error


def moved(job: TrainingJob, place: int) -> str:
    if place:
        return _("“%(train)s” has place %(place)d of its priority now.") % {"train": job, "place": place}
    return _("“%(train)s” stays where it is: there is no such place, or it does not wait any more.") % {"train": job}


def prioritised(job: TrainingJob, priority: Priority, user: Any) -> str:
    words = {"train": job, "priority": priority.label}
    if ordering.give(job, priority, by=user):
        return _("“%(train)s” has the priority %(priority)s now.") % words
    return _("“%(train)s” does not wait any more, or has the priority %(priority)s already.") % words


MOVES: dict[str, Callable[..., int]] = {
    "first": ordering.move_first,
    "up": ordering.move_up,
    "down": ordering.move_down,
}
BESIDE: dict[str, Callable[..., int]] = {"before": ordering.move_before, "after": ordering.move_after}
PRIORITIES = {priority.name.lower(): priority for priority in Priority}


@require_http_methods(["GET", "HEAD", "POST"])
def job_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Says what goes and what stays, then deletes the job."""
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    if not job.may_be_deleted_by(request.user):
        raise PermissionDenied(_("“%(train)s” was started by somebody else: staff can delete it.") % {"train": job})
    if request.method != "POST":
        return render(request, "training_jobs/job_delete.html", {"job": job})
    try:
        deletion.delete(job, user=request.user)
    except deletion.NotEnded as refused:
        messages.error(request, str(refused))
        return redirect(job)
    messages.success(request, _("“%(train)s” is deleted.") % {"train": job})
    return redirect("training_jobs:job-list")
