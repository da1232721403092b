"""Starting a failed train again with the changes that its failure asks for."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from training_jobs import retries
from training_jobs.models import TrainingJob
from training_jobs.submission import Refused


@require_POST
def job_retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where it cannot be started so, the form says why, filled in with everything."""
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    if not retries.changes(job):
        messages.info(request, _("There is nothing to change by itself: look through the settings."))
        return redirect("training_jobs:job-copy", pk)
    try:
        again = retries.retry(job, request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(reverse("training_jobs:job-copy", args=[pk]) + "?retry")
    messages.success(request, _("Started again with the changes."))
    return redirect(again)
