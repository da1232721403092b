"""Micro-runs: a few real steps, which tell what memory and time a train takes here. The console's own recipes take them
on the longest rows; a site's own code, which may mean anything by a setting, runs as it is and is ended.

Every change of a rehearsal's state, one conditional UPDATE by the database's clock. What was measured is kept by all
that it depends on, so that it is not measured twice.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now

from training_jobs import previews
from training_jobs.drafts import Draft
from training_jobs.models import Rehearsal
from training_jobs.workers import drains
from training_methods import claims, config
from training_methods.catalog import TrainerInfo
from training_methods.claims import Claim, still_at_it
from training_methods.messages import UNHEARD_AFTER, send, to_announce
from training_methods.trainers.preview import Preview

REHEARSE = "training_jobs.rehearse"
State = Rehearsal.State
MAKES_NO_DIFFERENCE = {
    "epochs", "learning_rate", "max_steps", "lr_scheduler", "warmup_ratio", "weight_decay", "max_grad_norm",
    "logging_steps", "save_steps", "evaluation_fraction", "evaluation_steps", "keep_best", "patience",
    "sample_prompts", "sample_steps",
}  # fmt: skip
NOT_BEGUN: dict[str, Any] = {
    "woken_at": None, "heard_at": None, "finished_at": None, "cancel_requested": False, "step": 0,
    "memory": None, "held_memory": None, "gpu_memory": None, "seconds_a_step": None, "seen": None, "failure": None,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Bytes at the peak, `held_memory` without the pages of files; and seconds of a step once it is warm. `seen`: what
    the model of own code was given.
    """

    memory: int | None
    held_memory: int | None
    gpu_memory: int | None
    seconds_a_step: float | None
    seen: Preview | None


def key_of(draft: Draft) -> str | None:
    """Stands for method, base model, dataset and those settings that make a difference to memory and time."""
    if not (draft.trainer and draft.snapshots and draft.values is not None and draft.method):
        return None
    depends_on = {
        "code": draft.trainer.code_hash,
        "trainer": draft.trainer.slug,
        "base_model": draft.snapshots["base_model_snapshot"]["fingerprint"],
        "dataset": draft.snapshots["dataset_snapshot"]["sha256"],
        "models": {name: one["fingerprint"] for name, one in draft.snapshots["reference_snapshots"].items()},
        "interpreter": config.interpreter(draft.method.config),
        "values": draft.values if is_own(draft.trainer) else depended_on(draft.values),
        "queue": config.resources(draft.method.config).queue,
    }
    return hashlib.sha256(json.dumps(depends_on, sort_keys=True).encode()).hexdigest()


def is_own(trainer: TrainerInfo) -> bool:
    return bool(previews.why_not(trainer))


def depended_on(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in MAKES_NO_DIFFERENCE}


def of(draft: Draft) -> Rehearsal | None:
    key = key_of(draft)
    return Rehearsal.objects.filter(key=key).first() if key else None


def measured(draft: Draft) -> Measured | None:
    found = of(draft)
    if found is None or found.state != State.DONE:
        return None
    numbers = {name: getattr(found, name) for name in ("memory", "held_memory", "gpu_memory", "seconds_a_step")}
    return Measured(**numbers, seen=Preview.model_validate(found.seen) if found.seen else None)


def ask(draft: Draft, user: Any) -> Rehearsal | None:
    """Have it measured by a worker, unless it waits or runs already. None: there is nothing that could be run."""
    spec, key = previews.spec_of(draft), key_of(draft)
    if spec is None or key is None or draft.mistakes:
        return None
    assert draft.method and draft.trainer
    needed = config.resources(draft.method.config)
    asked = {"spec": spec.model_dump(mode="json"), "is_own": is_own(draft.trainer), "asked_by": user, "asked_at": Now()}
    anew = asked | {"queue": needed.queue, "gpus": needed.gpus, "state": State.WAITING} | NOT_BEGUN
    with transaction.atomic():
        found, is_first = Rehearsal.objects.get_or_create(key=key, defaults=anew)
        if is_first or Rehearsal.objects.filter(pk=found.pk).settled().update(**anew):
            wake(found.pk, needed.queue)
    return Rehearsal.objects.get(pk=found.pk)


def cancel(rehearsal: Rehearsal) -> bool:
    """At once where nobody has begun it; else whoever runs it is told. False: it has ended."""
    waits = Q(state=State.WAITING)
    unended = Rehearsal.objects.filter(waits | Q(state=State.RUNNING), pk=rehearsal.pk)
    won = unended.update(
        cancel_requested=True,
        state=Case(When(waits, then=Value(State.CANCELLED)), default=F("state")),
        finished_at=Case(When(waits, then=Now()), default=F("finished_at")),
    )
    return bool(won)


def wake(rehearsal_id: int, queue: str) -> None:
    """Once the transaction commits. A broker that is away fails nobody: the next sweep finds it."""
    transaction.on_commit(partial(publish, rehearsal_id, queue), robust=True)


def publish(rehearsal_id: int, queue: str) -> bool:
    if not send(REHEARSE, str(rehearsal_id), queue=queue):
        return False
    Rehearsal.objects.filter(pk=rehearsal_id).update(woken_at=Now())
    return True


def wake_unheard() -> int:
    """Announce those nobody was told of, and again those that wait though their queue is empty."""
    waiting = Rehearsal.objects.unheard(UNHEARD_AFTER).order_by("asked_at")
    return sum(publish(one.pk, one.queue) for one in to_announce(waiting))


def claim(rehearsal_id: int, worker: UUID | None = None) -> Claim | None:
    """Take one that waits. None: somebody has it, or it was cancelled, or the worker drains."""
    return None if drains(worker) else claims.take(Rehearsal, rehearsal_id, worker)


def is_cancelled(claim: Claim) -> bool | None:
    """None: it is not ours any more."""
    return claim.held().values_list("cancel_requested", flat=True).first()


def finish(claim: Claim, state: Rehearsal.State, **said: object) -> bool:
    return still_at_it(claim, state=state, finished_at=Now(), **said)


def hand_back(claim: Claim) -> bool:
    """Let another worker begin it anew, or end it if a cancel was asked for meanwhile."""
    wanted = claim.held().filter(cancel_requested=False)
    return bool(wanted.update(state=State.WAITING, **NOT_BEGUN)) or finish(claim, State.CANCELLED)
