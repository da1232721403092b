"""The test bench on a method's page: every change of a check's state, one conditional UPDATE by the database's clock.

A check belongs to whoever claimed it, as a job does, and names its run in all it writes. A worker that was lost is not
heard any more; the check then counts as interrupted, and is there to be asked for again.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from training_methods import catalog, config, registry
from training_methods.bench_results import Check
from training_methods.licensing import Action, require
from training_methods.messages import messages_in, send
from training_methods.models import TrainerCheck, TrainerCheckQuerySet, TrainingMethod

CHECK_METHOD = "training_methods.check_method"
UNHEARD_AFTER = timedelta(seconds=30)
State = TrainerCheck.State
NOT_BEGUN: dict[str, Any] = {"woken_at": None, "started_at": None, "heard_at": None, "finished_at": None, "results": []}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to write what became of one run of a check."""

    check_id: int
    run: int

    def held(self) -> TrainerCheckQuerySet:
        """The check's row while it is ours, else nothing."""
        return TrainerCheck.objects.filter(pk=self.check_id, state=State.RUNNING, run=self.run)


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


def standing(method: TrainingMethod) -> Standing:
    """No query if the method came with its `trainer_check`, unless that runs just now."""
    check: TrainerCheck | None = getattr(method, "trainer_check", None)
    if check is None:
        return Standing(method, None, "")
    trainer = catalog.trainers().get(method.trainer)
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
    waiting = list(TrainerCheck.objects.unheard(UNHEARD_AFTER).order_by("asked_at"))
    empty = {queue for queue in {check.queue for check in waiting if check.woken_at} if messages_in(queue) == 0}
    return sum(publish(check.pk, check.queue) for check in waiting if check.woken_at is None or check.queue in empty)


def claim(check_id: int, worker: UUID | None = None) -> Claim | None:
    """Take a check that waits. None: somebody has it, or it has gone with its method."""
    waiting = TrainerCheck.objects.filter(pk=check_id, state=State.WAITING)
    if not waiting.update(state=State.RUNNING, worker=worker, run=F("run") + 1, started_at=Now(), heard_at=Now()):
        return None
    run = TrainerCheck.objects.filter(pk=check_id).values_list("run", flat=True).first()
    return None if run is None else Claim(check_id=check_id, run=run)


def still_at_it(claim: Claim, **said: object) -> bool:
    """Be heard of, and keep what is known by now."""
    return bool(claim.held().update(heard_at=Now(), **said))


def finish(claim: Claim, results: list[Check]) -> bool:
    failed = any(check.outcome == "failed" for check in results)
    state = State.FAILED if failed else State.PASSED
    return still_at_it(claim, state=state, finished_at=Now(), results=storable(results))


def hand_back(claim: Claim) -> bool:
    """Let another worker begin it anew."""
    queue = claim.held().values_list("queue", flat=True).first()
    if queue is None or not claim.held().update(state=State.WAITING, **NOT_BEGUN):
        return False
    wake(claim.check_id, queue)
    return True


def storable(results: list[Check]) -> list[dict[str, Any]]:
    """As JSON without NUL, which PostgreSQL does not store."""
    return [{key: text(value) for key, value in check.model_dump().items()} for check in results]


def text(value: Any) -> Any:
    return value.replace("\0", "\ufffd").encode(errors="replace").decode() if isinstance(value, str) else value
