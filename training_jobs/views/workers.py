"""The page of workers: who is there, what each does, and whether it is to take more."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from training_jobs import slot_uses, workers
from training_jobs.models import TrainingJob, Worker

WISHES: dict[str, tuple[Callable[[Worker], bool], str | Promise]] = {
    "drain": (workers.drain, _("%(worker)s takes no new train. What runs there goes on.")),
    "hand-back": (workers.hand_back, _("The trains on %(worker)s save a checkpoint and go back to the queue.")),
    "resume": (workers.resume, _("%(worker)s takes trains again.")),
}


@dataclass(frozen=True)
class AtWork:
    """A worker with what its slots hold: trains, and what it does beside."""

    worker: Worker
    trains: list[TrainingJob] = field(default_factory=list)
    others: list[slot_uses.Use] = field(default_factory=list)

    @property
    def slots_in_use(self) -> int:
        return len(self.trains) + len(self.others)


@require_safe
def worker_list(request: HttpRequest) -> HttpResponse:
    may_change = request.user.is_staff and request.user.has_perm("training_jobs.change_worker")
    context = {"workers": at_work(), "may_change": may_change}
    return render(request, "training_jobs/worker_list.html", context)


def at_work() -> list[AtWork]:
    """Two queries."""
    found: dict[UUID, AtWork] = {}
    pairs = Worker.objects.told_apart().annotate(job=F("jobs__pk"), train=F("jobs__name"), status=F("jobs__status"))
    for pair in pairs.order_by("host", "started_at", "jobs__created_at"):
        here = found.setdefault(pair.pk, AtWork(pair))
        if pair.job:
            here.trains.append(TrainingJob(pk=pair.job, name=pair.train, status=pair.status))
    for use in slot_uses.unended():
        if use.is_running and use.worker in found:
            found[use.worker].others.append(use)
    return list(found.values())


@require_POST
@permission_required("training_jobs.change_worker", raise_exception=True)
def worker_ask(request: HttpRequest, pk: UUID, wish: str) -> HttpResponse:
    if wish not in WISHES:
        raise Http404(f"A worker can be asked to {', '.join(WISHES)}, not to {wish}.")
    worker = get_object_or_404(Worker, pk=pk)
    ask, said = WISHES[wish]
    if ask(worker):
        messages.success(request, str(said) % {"worker": worker})
    else:
        nothing = gettext("Nothing changed: %(worker)s was asked before, or has left.")
        messages.info(request, nothing % {"worker": worker})
    return redirect("training_jobs:worker-list")
