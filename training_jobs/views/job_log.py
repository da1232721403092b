"""Train Log: lines from a number on, those that hold a text, and the whole as a file."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from training_jobs import log_lines, logs
from training_jobs.models import TrainingJob
from training_jobs.views.numbers import number_in

SHOWN_AT_ONCE = 200  # lines that are on the page before it asks, and without JavaScript


def context(request: HttpRequest, job: TrainingJob) -> dict[str, Any]:
    first = number_in(request, "line")
    return {"page": log_lines.page(job.pk, first) if first else log_lines.tail(job.pk, SHOWN_AT_ONCE)}


@require_safe
def job_log(request: HttpRequest, pk: UUID) -> HttpResponse | StreamingHttpResponse:
    """Lines from `?line=` on, the last ones without it; `?search=` for line numbers; `?download` for the whole."""
    job = get_object_or_404(TrainingJob.objects.only("status", "name"), pk=pk)  # first, so that “ended” means no more
    if "download" in request.GET:
        headers = {"Content-Disposition": content_disposition_header(True, f"{job.name}.log") or ""}
        return StreamingHttpResponse(stored_log(pk), content_type="text/plain; charset=utf-8", headers=headers)
    if words := request.GET.get("search"):
        return JsonResponse(asdict(log_lines.search(pk, words)))
    first = number_in(request, "line")
    page = log_lines.page(pk, first) if first else log_lines.tail(pk)
    lines = [[line.number, line.text, line.before] for line in page.lines]
    return JsonResponse({"lines": lines, "last": page.last, "ended": job.has_ended})


def stored_log(job_id: UUID) -> Iterator[str]:
    cursor, more = 0, True
    while more:
        piece = logs.read(job_id, after=cursor)
        cursor, more = piece.cursor, piece.more
        yield piece.text
