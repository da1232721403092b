"""What workers do with customized models: every change of state, one conditional UPDATE by the database's clock.

Work belongs to whoever claimed it (`training_methods.claims`). A worker that was lost is not heard any more: its work
then counts as failed, and may be asked for again.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from training_jobs import slot_uses, waiting
from training_jobs.models import KINDS, Work
from training_jobs.workers import drains
from training_methods import claims
from training_methods.claims import Claim, still_at_it
from training_methods.messages import UNHEARD_AFTER, send, to_announce

State = Work.State


def wake(work: Work) -> None:
    """Once the transaction commits. A broker that is away fails nobody: the next sweep finds the work."""
    transaction.on_commit(partial(publish, work), robust=True)


def publish(work: Work) -> bool:
    if not send(work.task, str(work.pk), queue=work.queue):
        return False
    type(work).objects.filter(pk=work.pk).update(woken_at=Now())
    return True


def wake_unheard() -> int:
    """Wake again what waits though its queue is empty. Raises kombu's OperationalError when the broker is away."""
    waiting = [work for kind in KINDS for work in kind.objects.unheard(UNHEARD_AFTER).order_by("asked_at")]
    return sum(publish(work) for work in to_announce(waiting))


def oldest_waiting(queues: Sequence[str]) -> Work | None:
    waiting = [
        kind.objects.filter(state=State.WAITING, queue__in=queues).order_by("asked_at").first() for kind in KINDS
    ]
    return min(filter(None, waiting), key=lambda work: work.asked_at, default=None)


def claim(kind: type[Work], pk: int, worker: UUID | None = None) -> Claim | None:
    """Take what waits. None: somebody has it, or it has gone, or the worker drains."""
    return None if drains(worker) else claims.take(kind, pk, worker, started_at=Now())


def finish(claim: Claim, state: State = State.DONE, **said: object) -> bool:
    return still_at_it(claim, state=state, ended_at=Now(), **said)


def hand_back(claim: Claim) -> bool:
    """Let another worker begin it anew."""
    work = claim.held().first()
    anew = {"state": State.WAITING, "woken_at": None, "started_at": None, "heard_at": None}
    if work is None or not claim.held().update(**anew):
        return False
    wake(work)
    return True


def give_up_lost() -> int:
    """What a lost worker had taken has failed. Anybody may do this who trusts the clock, twice too."""
    said = gettext_noop("Its worker was lost. Start it again.")
    return sum(kind.objects.lost().update(state=State.FAILED, ended_at=Now(), said=said) for kind in KINDS)


def wait_of(work: Work) -> str:
    """What it waits for, in a sentence."""
    workers, running = waiting.workers_and_what_runs()
    serving = [worker for worker in workers if work.queue in worker.queue_names]
    taking = [worker for worker in serving if not worker.draining_requested]
    if not workers:
        return _("No worker is there. “make worker” starts one.")
    if not serving:
        return _("No worker that is there serves the queue “%(queue)s”.") % {"queue": work.queue}
    if not taking:
        return _("Every worker on the queue “%(queue)s” drains, and takes nothing new.") % {"queue": work.queue}
    pks = {worker.pk for worker in taking}
    running = [job for job in running if job.worker_id in pks]
    in_use = slot_uses.slots_of(slot_uses.unended()).get(work.queue, 0)
    if len(running) + in_use < sum(worker.slots for worker in taking):
        return _("A worker is about to take it.")
    return busy(work.queue, [job.seconds_left for job in running])


def busy(queue: str, left: list[float | None]) -> str:
    """It goes in between when the next train ends, whatever else waits."""
    if not left:
        said = _("Waits for a free worker on the queue “%(queue)s”: other work goes on there.")
        return said % {"queue": queue}
    said = ngettext(
        "Waits for a free worker on the queue “%(queue)s”: %(count)s train runs there, and it is next when that ends.",
        "Waits for a free worker on the queue “%(queue)s”: %(count)s trains run there, and it is next when one ends.",
        len(left),
    ) % {"queue": queue, "count": len(left)}
    known = [seconds for seconds in left if seconds is not None]
    about = waiting.starts_in(min(known)) if known else ""
    return f"{said} {about}".strip()
