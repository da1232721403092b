"""The test bench on a method's page: every change of a check's state, one conditional UPDATE by the database's clock.

A check belongs to whoever claimed it (`claims`). A worker that was lost is not heard any more; the check then counts as
interrupted, and is there to be asked for again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from training_methods import claims, config, registry
from training_methods.bench_results import Check
from training_methods.claims import Claim, still_at_it
from training_methods.licensing import Action, require
from training_methods.messages import UNHEARD_AFTER, send, to_announce
from training_methods.models import TrainerCheck, TrainingMethod
from training_methods.shelf import TrainerInfo
from training_methods.trainers import events

CHECK_METHOD = "training_methods.check_method"
State = TrainerCheck.State
NOT_BEGUN: dict[str, Any] = {"woken_at": None, "started_at": None, "heard_at": None, "finished_at": None, "results": []}


@dataclass(frozen=True)
class Standing:
    """A method with what came of its last check, and whether that still holds."""

    method: TrainingMethod
    check: TrainerCheck | None
    outdated: str

    @property
    def seen(self) -> str:
        """Tells two moments of a check apart."""
        return f"{self.check.run}-{self.check.label}-{len(self.check.results)}" if self.check else ""


def standing(method: TrainingMethod, trainers: Mapping[str, TrainerInfo]) -> Standing:
    """No query if the method came with its `trainer_check`, unless that runs just now. `trainers`: the catalog's."""
    check: TrainerCheck | None = getattr(method, "trainer_check", None)
    if check is None:
        return Standing(method, None, "")
    trainer = trainers.get(method.trainer)
    return Standing(method, check, check.outdated(method, trainer.code_hash if trainer else ""))


def ask(method: TrainingMethod, user: Any) -> bool:
    """Have the method's trainer tried by a worker. False: it is waiting or running already.

    Raises NotAllowed or MethodGone.
    """
    require(Action.CHANGE_METHOD, user, method)
    with transaction.atomic():
        stored = registry.held(method)
        asked = {"trainer": stored.trainer, "queue": queue_of(stored), "asked_by": user, "asked_at": Now()}
        anew = asked | NOT_BEGUN | {"state": State.WAITING}
        check, is_first = TrainerCheck.objects.get_or_create(method=stored, defaults=anew)
        won = is_first or bool(TrainerCheck.objects.filter(pk=check.pk).settled().update(**anew))
        if won:
            wake(check.pk, asked["queue"])
    return won


def queue_of(method: TrainingMethod) -> str:
    """Where its jobs would run, so that it is tried on such a machine."""
    return "default" if config.mistakes_of_shape(method.config) else config.resources(method.config).queue


def wake(check_id: int, queue: str) -> None:
    """Once the transaction commits. A broker that is away fails nobody: the next sweep finds the check."""
    transaction.on_commit(partial(publish, check_id, queue), robust=True)


def publish(check_id: int, queue: str) -> bool:
    if not send(CHECK_METHOD, str(check_id), queue=queue):
        return False
    TrainerCheck.objects.filter(pk=check_id).update(woken_at=Now())
    return True


def wake_unheard() -> int:
    """Announce the checks nobody was told of, and again those that wait though their queue is empty."""
    waiting = TrainerCheck.objects.unheard(UNHEARD_AFTER).order_by("asked_at")
    return sum(publish(check.pk, check.queue) for check in to_announce(waiting))


def claim(check_id: int, worker: UUID | None = None) -> Claim | None:
    """Take a check that waits. None: somebody has it, or it has gone with its method."""
    return claims.take(TrainerCheck, check_id, worker, started_at=Now())


def finish(claim: Claim, results: list[Check]) -> bool:
    failed = any(check.outcome == "failed" for check in results)
    state = State.FAILED if failed else State.PASSED
    return still_at_it(claim, state=state, finished_at=Now(), results=storable(results))


def hand_back(claim: Claim) -> bool:
    """Let another worker begin it anew."""
    queue = claim.held().values_list("queue", flat=True).first()
    if queue is None or not claim.held().update(state=State.WAITING, **NOT_BEGUN):
        return False
    wake(claim.pk, queue)
    return True


def storable(results: list[Check]) -> list[dict[str, Any]]:
    """As JSON without NUL, which PostgreSQL does not store."""
    return [{key: events.storable(value) for key, value in check.model_dump().items()} for check in results]
