"""Micro-runs from the page that starts a train: ask for one, watch it, cancel it."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from training_jobs import rehearsals
from training_jobs.models import Rehearsal
from training_jobs.views.new_job_parts import draft_of, what_is_missing


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    draft = draft_of(request.POST)
    rehearsal = rehearsals.ask(draft, request.user)
    return shown(request, rehearsal, "" if rehearsal else what_is_missing(draft))


@require_safe
def state(request: HttpRequest, pk: int) -> HttpResponse:
    return shown(request, get_object_or_404(Rehearsal, pk=pk))


@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    rehearsal = get_object_or_404(Rehearsal, pk=pk)
    if not rehearsal.may_be_cancelled_by(request.user):
        raise PermissionDenied(_("This micro-run was asked for by somebody else: staff can cancel it."))
    rehearsals.cancel(rehearsal)
    rehearsal.refresh_from_db()
    return shown(request, rehearsal)


def shown(request: HttpRequest, rehearsal: Rehearsal | None, sentence: str = "") -> HttpResponse:
    may_cancel = rehearsal is not None and rehearsal.may_be_cancelled_by(request.user)
    context = {"rehearsal": rehearsal, "sentence": sentence, "may_cancel": may_cancel}
    return render(request, "training_jobs/_job_rehearsal.html", context)
