"""What people do with a job: stop it, resume it, go on from where it ended."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from training_jobs import continuing, stops
from training_jobs.continuing import Prospects
from training_jobs.models import Checkpoint, TrainingJob
from training_jobs.submission import Refused


def offered(job: TrainingJob, user: AbstractUser | AnonymousUser) -> dict[str, Any]:
    """What a job's page offers this person to do with it."""
    may_stop = job.may_be_cancelled_by(user)
    return {
        "may_cancel": may_stop,
        "ways_to_stop": stops.open_to(job) if may_stop else [],
        "prospects": Prospects(job) if job.has_ended else None,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def job_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks for confirmation, then stops the job."""
    job = job_to_stop(request, pk)
    if request.method == "POST":
        return stopped(request, job, stops.CANCEL)
    return render(request, "training_jobs/job_cancel.html", {"job": job, "way": stops.CANCEL})


@require_POST
def job_stop(request: HttpRequest, pk: UUID, how: str) -> HttpResponse:
    if how not in stops.WAYS:
        raise Http404(f"A train can be stopped by {', '.join(stops.WAYS)}, not by {how}.")
    return stopped(request, job_to_stop(request, pk), stops.WAYS[how])


def job_to_stop(request: HttpRequest, pk: UUID) -> TrainingJob:
    job = get_object_or_404(TrainingJob, pk=pk)
    if not job.may_be_cancelled_by(request.user):
        raise PermissionDenied(_("“%s” was started by somebody else: staff can cancel it.") % job)
    return job


def stopped(request: HttpRequest, job: TrainingJob, way: stops.Way) -> HttpResponse:
    won = stops.ask(job, way, by=request.user.get_username())
    (messages.success if won else messages.info)(request, stops.said(job, way, won=won))
    return redirect(job)


@require_POST
def job_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Back to the queue, as the same job."""
    job = get_object_or_404(TrainingJob, pk=pk)
    if not job.may_be_cancelled_by(request.user):
        raise PermissionDenied(_("“%s” was started by somebody else: staff can resume it.") % job)
    try:
        if continuing.resume(job, by=request.user.get_username()):
            messages.success(request, _("The train is back in the queue."))
        else:
            messages.info(request, _("Nothing changed: somebody else was first."))
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect(job)


class CheckpointField(forms.ModelChoiceField):
    def label_from_instance(self, checkpoint: Checkpoint) -> str:
        return _("Step %(step)s · attempt %(attempt)s") % {"step": checkpoint.step, "attempt": checkpoint.attempt}


class ExtendForm(forms.Form):
    """Where the new train begins, and how far it goes from there."""

    checkpoint = CheckpointField(
        Checkpoint.objects.none(),
        label=gettext_lazy("Begin at"),
        empty_label=None,
        error_messages={
            "required": gettext_lazy("Choose a checkpoint."),
            "invalid_choice": gettext_lazy("This checkpoint is not there any more: choose another."),
        },
    )
    steps = forms.IntegerField(
        label=gettext_lazy("Further steps"),
        help_text=gettext_lazy("How many steps it makes from there on."),
        error_messages={
            "required": gettext_lazy("Say how many steps."),
            "invalid": gettext_lazy("The number of steps is a whole number."),
        },
    )
    name = forms.CharField(
        label=gettext_lazy("Train name"),
        error_messages={"required": gettext_lazy("A train needs a name.")},
    )

    use_required_attribute = False

    def __init__(self, prospects: Prospects, data: Any = None, **more: Any) -> None:
        super().__init__(data, **more)
        there = [one.pk for one in prospects.job.checkpoints.there() if one.is_there]
        self.fields["checkpoint"].queryset = Checkpoint.objects.filter(pk__in=there)  # type: ignore[attr-defined]
        if prospects.why_not_longer:
            del self.fields["steps"]


@require_http_methods(["GET", "HEAD", "POST"])
def job_extend(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A new train from a checkpoint of this one; `?checkpoint=` chooses it."""
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    prospects = Prospects(job)
    if request.method == "POST" and not prospects.why_not_continued:
        form = ExtendForm(prospects, request.POST)
        if form.is_valid() and (new := gone_on(job, form, request.user)):
            messages.success(request, _("The new train goes on from step %s of “%s”.") % (new.step, job))
            return redirect(new)
    else:
        form = ExtendForm(prospects, initial=first_offer(prospects, request.GET.get("checkpoint", "")))
    return render(request, "training_jobs/job_extend.html", {"job": job, "prospects": prospects, "form": form})


def gone_on(job: TrainingJob, form: ExtendForm, user: Any) -> TrainingJob | None:
    """None: it was refused, and each field says why."""
    given = dict(form.cleaned_data)
    try:
        return continuing.go_on(job, given.pop("checkpoint"), **given, user=user)
    except Refused as refused:
        for field, sentence in refused.mistakes.items():
            form.add_error(field if field in form.fields else None, sentence)
        return None


def first_offer(prospects: Prospects, wanted: str) -> dict[str, Any]:
    """The newest checkpoint unless another is named; as many steps as were left there, or half of those made."""
    job, chosen = prospects.job, prospects.newest
    if wanted.isascii() and wanted.isdecimal():
        chosen = job.checkpoints.there().filter(pk=int(wanted[:18])).first() or chosen
    if chosen is None:
        return {}
    left = (job.total_steps or 0) - chosen.step
    steps = left if left > 0 else max(1, chosen.step // 2)
    return {"checkpoint": chosen.pk, "steps": steps, "name": continuing.offered_name(job)}
