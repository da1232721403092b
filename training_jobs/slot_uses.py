"""What has a worker's slot, or waits for one, beside trains: a customized model tried or made into another one,
a micro-run, a trainer on the bench."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db.models import CharField, F, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from training_jobs.models import Making, Rehearsal, TryOut
from training_jobs.models.model_uses import PATIENCE
from training_methods.clocks import long_ago
from training_methods.models import TrainerCheck

WAITING, RUNNING = "waiting", "running"
LABELS: dict[str, Promise] = {
    "try-out": _("Try-out"),
    "making": _("Merge or export"),
    "micro-run": _("Micro-run"),
    "check": _("Trainer check"),
}


@dataclass(frozen=True)
class Use:
    """`name` of the model, method or trainer that it is about; `key` finds it, where it has a page."""

    kind: str
    state: str
    name: str
    key: str
    queue: str
    asked_at: datetime
    who: str | None
    worker: UUID | None

    @property
    def label(self) -> Promise:
        return LABELS[self.kind]

    @property
    def is_running(self) -> bool:
        return self.state == RUNNING

    @property
    def url(self) -> str:
        if not self.key:
            return ""
        return reverse(
            "training_methods:detail" if self.kind == "check" else "training_jobs:model-detail", args=[self.key]
        )


def unended() -> list[Use]:
    """Those of which a worker is heard, and those that wait, the oldest first. One query."""
    return [Use(*row) for row in all_unended().all()]


@cache  # to put it together takes longer than to read them
def all_unended() -> QuerySet:
    first, *others = (
        columns(TryOut.objects, "try-out", name=F("model__name"), key=as_text("model_id")),
        columns(Making.objects, "making", name=F("model__name"), key=as_text("model_id")),
        columns(Rehearsal.objects, "micro-run", name=KT("spec__trainer"), key=Value("")),
        columns(TrainerCheck.objects, "check", name=F("method__display_name"), key=F("method__internal_name")),
    )
    return first.union(*others, all=True).order_by("at")


def columns(found: Any, kind: str, *, name: Any, key: Any) -> QuerySet:
    """Whose worker was lost has no slot any more, and is left out."""
    is_there = Q(state=WAITING) | Q(~long_ago("heard_at", PATIENCE), state=RUNNING)
    told = {
        "use": Value(kind, output_field=CharField()),
        "about": Cast(name, TextField()),
        "found_by": Cast(key, TextField()),
        "at": F("asked_at"),
        "who": F("asked_by__username"),
    }
    rows = found.order_by().filter(is_there).annotate(**told)
    return rows.values_list("use", "state", "about", "found_by", "queue", "at", "who", "worker")


def as_text(name: str) -> Cast:
    return Cast(name, TextField())


def slots_of(uses: Iterable[Use]) -> dict[str, int]:
    """Queue → how many slots of its workers they have."""
    return Counter(use.queue for use in uses if use.is_running)
