"""The list of training jobs."""

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from training_jobs.lists.trains import TRAINS
from training_methods import list_views
from training_methods.requests import HtmxRequest


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def job_list(request: HtmxRequest) -> HttpResponse:
    return list_views.show(request, TRAINS, "training_jobs/job_list.html")
