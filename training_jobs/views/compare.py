"""Jobs side by side. The address is the comparison: who has it sees the same."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from training_jobs import comparison
from training_jobs.views import curves, picker


@require_safe
def job_compare(request: HttpRequest) -> HttpResponse:
    """`?job=ID` two to six times; `?find=` searches for another to add."""
    chosen = picker.chosen(request, "job")
    context = {
        "chosen": chosen,
        "found": picker.found(request, without=chosen.jobs),
        "picks": "job",
        "styles": (*curves.STYLES, "css/compare.css"),
        "scripts": curves.SCRIPTS if len(chosen.jobs) > 1 else (),
        "jobs": chosen.jobs,
        **curves.drawing_of(chosen.jobs),
    }
    if len(chosen.jobs) > 1:
        settings = comparison.settings(chosen.jobs)
        context |= {
            "different": [row for row in settings if row.differs],
            "same": [row for row in settings if not row.differs],
            "reached": comparison.reached(chosen.jobs),
            "answers": [
                (row.prompt, list(enumerate(zip(chosen.jobs, row.answers, strict=True), 1)))
                for row in comparison.answers(chosen.jobs)
            ],
        }
    return render(request, "training_jobs/job_compare.html", context)
