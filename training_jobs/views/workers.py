"""The page of workers: who is there, what each does, and whether it is to take more."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from training_jobs import workers
from training_jobs.models import TrainingJob, Worker

WISHES: dict[str, tuple[Callable[[Worker], bool], str]] = {
    "drain": (workers.drain, "{} takes no new train. What runs there goes on."),
    "hand-back": (workers.hand_back, "The trains on {} save a checkpoint and go back to the queue."),
    "resume": (workers.resume, "{} takes trains again."),
}


@require_safe
def worker_list(request: HttpRequest) -> HttpResponse:
    running = TrainingJob.objects.active().only("name", "status", "worker")
    found = Worker.objects.prefetch_related(Prefetch("jobs", running, to_attr="running"))
    may_change = request.user.is_staff and request.user.has_perm("training_jobs.change_worker")
    return render(request, "training_jobs/worker_list.html", {"workers": found, "may_change": may_change})


@require_POST
@permission_required("training_jobs.change_worker", raise_exception=True)
def worker_ask(request: HttpRequest, pk: UUID, wish: str) -> HttpResponse:
    if wish not in WISHES:
        raise Http404(f"A worker can be asked to {', '.join(WISHES)}, not to {wish}.")
    worker = get_object_or_404(Worker, pk=pk)
    ask, said = WISHES[wish]
    if ask(worker):
        messages.success(request, said.format(worker))
    else:
        messages.info(request, f"Nothing changed: {worker} was asked before, or has left.")
    return redirect("training_jobs:worker-list")
