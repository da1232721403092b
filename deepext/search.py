"""One search over everything that has a name."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from training_jobs.models import CustomizedModel, Dataset, FoundationModel, TrainingJob
from training_methods.models import TrainingMethod
from training_methods.requests import HtmxRequest
from training_methods.trainers.events import storable

MOST = 5  # of each kind


@dataclass(frozen=True)
class Group:
    """Records of one kind that were found."""

    label: str | Promise
    symbol: str
    records: list[Any]


@require_safe
@vary_on_headers("HX-Request")
def search(request: HtmxRequest) -> HttpResponse:
    """The page of what was found, or for htmx the list alone."""
    words = storable(request.GET.get("q", "")).strip()
    context = {"words": words, "groups": list(found(words)) if words else []}
    return render(request, "_found.html" if request.htmx else "search.html", context)


def found(words: str) -> list[Group]:
    """A query for each kind."""
    groups = [
        Group(_("Trains"), "running", first_of(TrainingJob.objects.only("name", "created_at"), "name", words)),
        Group(_("Customized models"), "box", first_of(CustomizedModel.objects.only("name"), "name", words)),
        Group(_("Datasets"), "database", first_of(Dataset.objects.only("name"), "name", words)),
        Group(_("Base models"), "cpu", first_of(FoundationModel.objects.only("name"), "name", words)),
        Group(_("Training methods"), "sliders", first_of(methods(), "display_name", words)),
    ]
    return [group for group in groups if group.records]


def methods() -> QuerySet[TrainingMethod]:
    return TrainingMethod.objects.only("display_name", "internal_name").order_by("display_name")


def first_of(records: QuerySet[Any], name: str, words: str) -> list[Any]:
    for word in words.split():
        records = records.filter(**{f"{name}__icontains": word})
    return list(records[:MOST])
