"""The checkpoints of a job: a tab of its page, and what can be done with each."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from training_jobs import checkpoints
from training_jobs.checkpoints import NotNow
from training_jobs.metric_labels import label_of
from training_jobs.models import Checkpoint, TrainingJob

METRICS = ("loss", "eval_loss", "reward", "eval_reward")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A checkpoint as the table shows it."""

    record: Checkpoint
    metrics: list[tuple[str, float]]
    is_newest: bool
    is_best: bool
    can_be_deleted: bool


def context(request: HttpRequest, job: TrainingJob) -> dict[str, Any]:
    found = [one for one in job.checkpoints.there().select_related("job") if one.is_there]
    rating, best = checkpoints.rating(found), checkpoints.best_of(found)
    return {
        "lines": [
            Line(
                record=one,
                metrics=[(label_of(name), one.metrics[name]) for name in METRICS if name in one.metrics],
                is_newest=place == 0,
                is_best=one == best,
                can_be_deleted=job.has_ended or place >= checkpoints.OF_A_RUNNING_JOB,
            )
            for place, one in enumerate(found)
        ],
        "rating": label_of(rating) if rating in METRICS else None,
        "deleted": job.checkpoints.exclude(deleted_at=None)[:MOST_DELETED],
        "size": sum(one.size_bytes for one in found),
        "kept": checkpoints.newest_kept(),
    }


def step_of(checkpoint: Checkpoint) -> str:
    return intcomma(checkpoint.step)


MOST_DELETED = 50


@require_POST
def checkpoint_keep(request: HttpRequest, pk: int) -> HttpResponse:
    checkpoint = checkpoint_to_change(request, pk)
    try:
        checkpoints.keep(checkpoint)
        messages.success(
            request, _("The checkpoint of step %s is kept until somebody deletes it.") % step_of(checkpoint)
        )
    except NotNow as error:
        messages.error(request, str(error))
    return back(checkpoint)


@require_POST
def checkpoint_let_go(request: HttpRequest, pk: int) -> HttpResponse:
    checkpoint = checkpoint_to_change(request, pk)
    checkpoints.let_go(checkpoint)
    messages.success(request, _("The checkpoint of step %s is no longer kept beyond the others.") % step_of(checkpoint))
    return back(checkpoint)


@require_http_methods(["GET", "HEAD", "POST"])
def checkpoint_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks for confirmation, then deletes it."""
    checkpoint = checkpoint_to_change(request, pk)
    if request.method != "POST":
        return render(request, "training_jobs/checkpoint_delete.html", {"checkpoint": checkpoint})
    try:
        checkpoints.delete(checkpoint, by=request.user.get_username())
        messages.success(request, _("Deleted the checkpoint of step %s.") % step_of(checkpoint))
    except NotNow as error:
        messages.error(request, str(error))
    return back(checkpoint)


def checkpoint_to_change(request: HttpRequest, pk: int) -> Checkpoint:
    checkpoint = get_object_or_404(Checkpoint.objects.there().select_related("job"), pk=pk)
    if not checkpoint.job.may_be_cancelled_by(request.user):
        raise PermissionDenied(_("“%s” was started by somebody else: staff can change it.") % checkpoint.job)
    return checkpoint


def back(checkpoint: Checkpoint) -> HttpResponse:
    return redirect(f"{checkpoint.job.get_absolute_url()}?tab=checkpoints")
