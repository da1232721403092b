"""What workers do in a slot beside trains belongs to whoever claimed it, as a job does.

Such a record has a `state`, the `worker` that has it, when that was `heard_at`, and `run`, which each claim raises:
whoever writes names the run that is theirs, so that a worker that counted as lost changes nothing any more.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet
from django.db.models.functions import Now

WAITING, RUNNING = "waiting", "running"


class Leaving(Exception):
    """This worker was told to stop: another begins it anew."""


class NotOurs(Exception):
    """It counted as lost, was cancelled or asked for again, or has gone with what it is about."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to write what becomes of one run of it."""

    kind: type[Model]
    pk: int
    run: int

    def held(self) -> QuerySet[Any]:
        """The row while it is ours, else nothing."""
        return self.kind._default_manager.filter(pk=self.pk, state=RUNNING, run=self.run)


def take(kind: type[Model], pk: int, worker: UUID | None, **begun: object) -> Claim | None:
    """What waits; `begun` is written with it. None: somebody has it, or it has gone."""
    waiting = kind._default_manager.filter(pk=pk, state=WAITING)
    runs: int | None = waiting.values_list("run", flat=True).first()
    if runs is None:
        return None
    won = waiting.filter(run=runs).update(state=RUNNING, worker=worker, run=runs + 1, heard_at=Now(), **begun)
    return Claim(kind=kind, pk=pk, run=runs + 1) if won else None


def still_at_it(claim: Claim, **said: object) -> bool:
    """Be heard of, and keep what is known by now. False: it is not ours any more."""
    return bool(claim.held().update(heard_at=Now(), **said))
