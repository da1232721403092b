"""Several jobs on one page: those that its address names, and a search by name for more."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

from training_jobs.models import TrainingJob
from training_methods.trainers.events import storable

MOST_JOBS = 6  # as many as there are colours that can be told apart
MOST_FOUND = 10


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """`unknown`: what was asked for and is no job. `left_out`: how many more than fit were asked for."""

    jobs: list[TrainingJob]
    unknown: list[str]
    left_out: int


def chosen(request: HttpRequest, name: str, *, most: int = MOST_JOBS) -> Chosen:
    """The jobs that the address names by `?name=ID`, in its order."""
    asked = list(dict.fromkeys(request.GET.getlist(name)))[:100]
    ids = {text: id_in(text) for text in asked}
    jobs = TrainingJob.objects.with_links().in_bulk([key for key in ids.values() if key])
    known = [jobs[key] for key in dict.fromkeys(ids.values()) if key in jobs]
    unknown = [text for text, key in ids.items() if key not in jobs]
    return Chosen(jobs=known[:most], unknown=unknown, left_out=len(known[most:]))


def id_in(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def found(request: HttpRequest, *, without: Collection[TrainingJob]) -> list[TrainingJob]:
    """The newest jobs that `?find=` finds."""
    words = storable(request.GET.get("find", "")).strip()
    if not words:
        return []
    others = TrainingJob.objects.exclude(pk__in=[job.pk for job in without])
    return list(others.for_lists().matching(words).order_by("-created_at")[:MOST_FOUND])
