"""Who has a job: every status change, each one conditional UPDATE by the database's clock that says whether we won.

A worker holds a job by a lease that it keeps renewing. `attempt` is the fence: a worker that lost its lease names an
attempt that is over, and changes nothing any more.
"""

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Case, DateTimeField, Exists, F, Q, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from training_jobs.models import ACTIVE, JobEvent, Status, TrainingJob, TrainingJobQuerySet, Worker
from training_jobs.reports import in_words
from training_methods.clocks import ClockWasSet
from training_methods.trainers import failures
from training_methods.trainers.events import Failure

LEASE = timedelta(seconds=settings.LEASE_SECONDS)
HEARTBEAT = LEASE / 12
SAVING = LEASE / 2  # the end of a lease that could not be renewed: so long a training has to save a checkpoint
MARGIN = LEASE / 8  # beyond a lease; by then its training has ended, since the worker's keeper sees to that
MOST_LOSSES = 3  # without a checkpoint in between

Condition = Callable[[TrainingJobQuerySet, timedelta], TrainingJobQuerySet]
Transaction = Callable[[], AbstractContextManager[None]]
CANCELLED_IF_ASKED = Case(When(cancel_requested=True, then=Value(Status.CANCELLED)), default=Value(Status.QUEUED))
NOW_IF_CANCELLED = Case(
    When(cancel_requested=True, then=Now()), default=Value(None), output_field=DateTimeField(null=True)
)
CLAIMED = ("pk", "attempt", "gpus")  # what a claim has to know of a job
NOBODY = {"owner": "", "worker": None, "lease_until": None, "woken_at": None}


class LeaseLost(Exception):
    """The job is no longer ours: the lease ran out, and it may be running elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to run one attempt of a job."""

    job_id: UUID
    owner: str
    attempt: int
    gpus: int | None = None

    def held(self) -> TrainingJobQuerySet:
        """The job's row while it is ours, else nothing."""
        return TrainingJob.objects.filter(pk=self.job_id).held_by(self.owner, self.attempt)


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A job whose worker was lost, and what became of it."""

    job_id: UUID
    owner: str
    outcome: Status


def new_owner() -> str:
    """A name for one claim, which tells a person where the job runs."""
    return f"{socket.gethostname()[:150]}:{os.getpid()}:{uuid4().hex[:8]}"


def claim_next(
    owner: str, *, queues: Sequence[str], worker: UUID | None = None, free_cards: int | None = None
) -> Lease | None:
    """Take the job whose turn it is, of those this slot can run. None: there is none, or the worker drains."""
    jobs = TrainingJob.objects.claimable().fitting(queues, free_cards).in_turn()
    if worker:
        jobs = jobs.exclude(Exists(Worker.objects.draining().filter(pk=worker)))
    while next_one := jobs.values_list(*CLAIMED).first():
        if lease := take(*next_one, owner=owner, worker=worker):
            return lease
    return None


def take(job_id: UUID, attempt: int, gpus: int | None, *, owner: str, worker: UUID | None) -> Lease | None:
    """The claim itself, of a job of which so many attempts were seen: who was first made it one more."""
    won = (
        TrainingJob.objects.claimable()
        .filter(pk=job_id, attempt=attempt)
        .update(
            status=Status.RUNNING,
            owner=owner,
            worker=worker,
            attempt=attempt + 1,
            is_tidy=False,
            lease_until=Now() + LEASE,
            heartbeat_at=Now(),
            started_at=Coalesce("started_at", Now()),
        )
    )
    return Lease(job_id=job_id, owner=owner, attempt=attempt + 1, gpus=gpus) if won else None


def heartbeat(lease: Lease, **reported: object) -> bool:
    """Renew the lease, and keep what the job reported meanwhile."""
    return bool(lease.held().update(lease_until=Now() + LEASE, heartbeat_at=Now(), **reported))


def stopping(lease: Lease) -> bool:
    """The child was asked to stop; it saves a checkpoint first."""
    return bool(lease.held().filter(status=Status.RUNNING).update(status=Status.STOPPING))


def succeed(lease: Lease, **reported: object) -> bool:
    return finish(lease, Status.SUCCEEDED, **reported)


def fail(lease: Lease, failure: Failure) -> bool:
    return finish(lease, Status.FAILED, failure=in_words(failure))


def cancel(lease: Lease, why: Failure | None = None) -> bool:
    """End a running job as cancelled, once its child is gone. `why`: if it had been meant to end otherwise."""
    return finish(lease, Status.CANCELLED, failure=in_words(why) if why else None)


def finish(lease: Lease, status: Status, **reported: object) -> bool:
    """The owner stays on record: that is where it ran."""
    return bool(lease.held().update(status=status, finished_at=Now(), lease_until=None, worker=None, **reported))


def release(lease: Lease) -> bool:
    """Hand a job back: to the queue, or to its end if a cancel was asked for meanwhile."""
    return bool(lease.held().update(status=CANCELLED_IF_ASKED, finished_at=NOW_IF_CANCELLED, **NOBODY))


def request_cancel(job_id: UUID, *, by: str = "") -> bool:
    """Cancel a queued job at once; ask the worker of a running one to stop. False: it ended, or was asked before."""
    jobs = TrainingJob.objects.filter(pk=job_id, cancel_requested=False)
    return ask(jobs, job_id, "cancel-requested", by, ends=Q(status=Status.QUEUED), cancel_requested=True)


def request_kill(job_id: UUID, *, by: str = "") -> bool:
    """Cancel without waiting for a checkpoint, after a cancel too. False: it ended, or was asked before."""
    jobs = TrainingJob.objects.filter(pk=job_id, kill_requested=False)
    asked = {"cancel_requested": True, "kill_requested": True}
    return ask(jobs, job_id, "kill-requested", by, ends=Q(status=Status.QUEUED), **asked)


def request_finish(job_id: UUID, *, by: str = "") -> bool:
    """Let a job end early with its result. One that waits ends so once a worker has it; if it never started, at once
    and as cancelled. False: it ended, or was asked to stop before.
    """
    jobs = TrainingJob.objects.filter(pk=job_id, cancel_requested=False, finish_requested=False)
    never_started = Q(status=Status.QUEUED, attempt=0)
    asked = {"finish_requested": True, "held_at": None, "held_by": None, "woken_at": None}
    return ask(jobs, job_id, "finish-requested", by, ends=never_started, **asked)


def ask(jobs: TrainingJobQuerySet, job_id: UUID, kind: str, by: str, *, ends: Q, **asked: object) -> bool:
    """Store what is asked of a job, before anybody acts on it: those that `ends` says are cancelled at once, others
    that wait go on waiting, and one that runs is stopping.
    """
    waits = When(status=Status.QUEUED, then=Value(Status.QUEUED))
    with transaction.atomic():
        won = jobs.filter(status__in=[Status.QUEUED, *ACTIVE]).update(
            **asked,
            stop_asked_by=by,
            status=Case(When(ends, then=Value(Status.CANCELLED)), waits, default=Value(Status.STOPPING)),
            finished_at=Case(When(ends, then=Now()), default=F("finished_at")),
        )
        if won and by:
            record(job_id, kind, by=by)
    return bool(won)


def resume(job_id: UUID, *, by: str) -> bool:
    """Queue a job once more that failed or was cancelled. False: it did not, or somebody was first."""
    ended = TrainingJob.objects.filter(pk=job_id, status__in=[Status.FAILED, Status.CANCELLED])
    nothing_asked = {"cancel_requested": False, "finish_requested": False, "kill_requested": False, "stop_asked_by": ""}
    anew = {"finished_at": None, "failure": None, "seconds_left": None, "held_at": None, "held_by": None}
    with transaction.atomic():
        why = ended.values_list("failure__message", flat=True).first()
        won = bool(ended.update(status=Status.QUEUED, **nothing_asked, **anew, **NOBODY))
        if won:
            record(job_id, "resume-requested", by=by, **({"failure": why} if why else {}))
    return won


def hold(job_id: UUID, *, by: AbstractBaseUser | None) -> bool:
    """Keep a waiting job from being taken. False: it started or ended meanwhile, or is held already."""
    with transaction.atomic():
        won = bool(TrainingJob.objects.claimable().filter(pk=job_id).update(held_at=Now(), held_by=by and by.pk))
        if won:
            record(job_id, "held", by=by.get_username() if by else "")
    return won


def let_go(job_id: UUID, *, by: AbstractBaseUser | None) -> bool:
    """Let a held job be taken again. False: it was not held."""
    held = TrainingJob.objects.waiting().filter(pk=job_id, held_at__isnull=False)
    with transaction.atomic():
        won = bool(held.update(held_at=None, held_by=None, woken_at=None))
        if won:
            record(job_id, "let-go", by=by.get_username() if by else "")
    return won


def record(job_id: UUID, kind: str, **data: str) -> None:
    attempt = TrainingJob.objects.values_list("attempt", flat=True).get(pk=job_id)
    JobEvent.objects.create(job_id=job_id, attempt=attempt, kind=kind, at=timezone.now(), data=data)


def reap(within: Transaction = transaction.atomic) -> list[Loss]:
    """Hand back jobs unheard of for a whole lease, each in a transaction that ClockWasSet undoes."""
    return [loss for job in TrainingJob.objects.lease_over(MARGIN) if (loss := reap_one(job, within))]


def reap_stranded(within: Transaction = transaction.atomic) -> list[Loss]:
    """And those whose lease ends by a clock that was set back since, perhaps in an hour.

    For one who knows that the clock has not been set for a whole lease: a worker that is there has renewed by now.
    """
    lost = TrainingJobQuerySet.renewed_by_another_clock
    return [loss for job in lost(TrainingJob.objects.all(), MARGIN) if (loss := reap_one(job, within, lost))]


def reap_one(
    job: TrainingJob, within: Transaction = transaction.atomic, lost: Condition = TrainingJobQuerySet.lease_over
) -> Loss | None:
    """None: its worker woke up, a cancel came in, another reaper was first, or the clock was set."""
    still_lost = lost(Lease(job_id=job.pk, owner=job.owner, attempt=job.attempt).held(), MARGIN)
    losses = losses_in_a_row(job) + 1
    try:
        with within():
            outcome = take_back(job, still_lost, "worker-lost", losses, lost_for_good(job, losses), owner=job.owner)
    except ClockWasSet:
        return None
    return Loss(job_id=job.pk, owner=job.owner, outcome=outcome) if outcome else None


def interrupt(lease: Lease, why: Failure) -> Status | None:
    """The training was ended from outside: back to the queue, unless that happens again and again. None: not ours."""
    job = lease.held().first()
    if job is None:
        return None
    losses = losses_in_a_row(job) + 1
    return take_back(job, lease.held(), "interrupted", losses, ended_for_good(why, losses), message=why.message)


def take_back(
    job: TrainingJob, condition: TrainingJobQuerySet, kind: str, losses: int, at_last: Failure, **said: str
) -> Status | None:
    """End an attempt that did not end by itself. None: the condition holds no more, or a cancel came in."""
    outcome = outcome_of_a_loss(job, losses)
    with transaction.atomic():
        won = condition.filter(cancel_requested=job.cancel_requested).update(
            status=outcome,
            finished_at=None if outcome == Status.QUEUED else Now(),
            failure=in_words(at_last) if outcome == Status.FAILED else None,
            **NOBODY,
        )
        if not won:
            return None
        JobEvent.objects.create(job=job, attempt=job.attempt, kind=kind, at=timezone.now(), data=said)
    return outcome


def losses_in_a_row(job: TrainingJob) -> int:
    """Since the last checkpoint, or since somebody resumed it: a job that gets on is not given up, however often it
    is interrupted.
    """
    got_on = job.events.filter(kind__in=["checkpoint", "resume-requested"])
    last_time = got_on.order_by("-pk").values_list("pk", flat=True).first()
    return job.events.filter(kind__in=["worker-lost", "interrupted"], pk__gt=last_time or 0).count()


def outcome_of_a_loss(job: TrainingJob, losses: int) -> Status:
    if job.cancel_requested:
        return Status.CANCELLED
    return Status.FAILED if losses >= MOST_LOSSES else Status.QUEUED


def lost_for_good(job: TrainingJob, losses: int) -> Failure:
    return Failure(
        message=f"The worker that ran this job was lost {losses} times, so it is not tried again.",
        hint=failures.LOOK,
        evidence=f"The last worker was {job.owner}.",
    )


def ended_for_good(why: Failure, losses: int) -> Failure:
    again = f" That was interruption {losses} in a row, so it is not tried again."
    return why.model_copy(update={"message": why.message + again, "hint": why.hint or failures.LOOK})
