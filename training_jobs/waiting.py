"""What a waiting job waits for, and about when it starts, told from the database alone."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from django.db.models import F
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_jobs import room, slot_uses
from training_jobs.models import TrainingJob, Worker

MOST_COUNTED = 200  # jobs before one; nobody counts further


@dataclass(frozen=True, kw_only=True)
class Wait:
    """`is_stuck`: it goes on waiting until somebody sees to the workers, or to their disk."""

    sentence: str
    is_stuck: bool = False


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The workers that are there, what runs, and the waiting jobs in turn, `passed_over` of them aside."""

    workers: Sequence[Worker]
    running: Sequence[TrainingJob]
    turn: Sequence[TrainingJob]
    passed_over: int = 0
    in_use: Mapping[str, int] = field(default_factory=dict)
    """Queue → slots of its workers that have something else than a train: see `slot_uses`."""
    too_full: str = field(default_factory=room.too_full_to_start)
    """What is wrong with the disk that trains write to; empty while they can start."""

    def wait_of(self, job: TrainingJob) -> Wait:
        if job.held_at:
            who = job.held_by or _("somebody")
            return Wait(sentence=_("Held by %(who)s: no worker takes it until it is released.") % {"who": who})
        if not self.workers:
            sentence = _("No worker is there. “make worker” starts one; trains wait until then.")
            return Wait(sentence=sentence, is_stuck=True)
        serving = [worker for worker in self.workers if job.queue in worker.queue_names]
        able = [worker for worker in serving if takes(worker, job)]
        taking = [worker for worker in able if not worker.draining_requested]
        if not taking:
            return Wait(sentence=nobody_takes(job, serving, able), is_stuck=True)
        if self.too_full:
            return Wait(sentence=self.too_full, is_stuck=True)
        return Wait(sentence=self.its_turn(job, taking))

    def its_turn(self, job: TrainingJob, taking: Sequence[Worker]) -> str:
        if self.passed_over:
            return _("At least %(n)d trains are before it in the queue.") % {"n": self.passed_over}
        before = self.before(job, taking)
        in_use = self.in_use.get(job.queue, 0)
        free = max(sum(self.room(job, worker) for worker in taking) - in_use, 0)
        if free and sum(self.has_room(other, taking) for other in before) < free:
            return _("A worker is about to take it.")
        seconds = self.seconds_until(max(len(before) - free, 0), job, taking)
        nobody_free = _("No worker is free on the queue “%(queue)s”.") % {"queue": job.queue}
        about = [] if seconds is None else [starts_in(seconds)]
        others = [slots_with_other_work(in_use)] if in_use else []
        return " ".join([so_many(len(before)), nobody_free, *about, *others])

    def before(self, job: TrainingJob, taking: Sequence[Worker]) -> list[TrainingJob]:
        """Jobs that these workers take first."""
        earlier = takewhile(lambda other: other.pk != job.pk, self.turn)
        return [other for other in earlier if any(takes(worker, other) for worker in taking)]

    def has_room(self, job: TrainingJob, taking: Sequence[Worker]) -> bool:
        return any(takes(worker, job) and self.room(job, worker) for worker in taking)

    def room(self, job: TrainingJob, worker: Worker) -> int:
        """How many such jobs the worker could take now. The workers of one machine share its GPUs."""
        slots = worker.slots - sum(one.worker_id == worker.pk for one in self.running)
        if not (cards := needed(job, worker)):
            return max(slots, 0)
        here = {other.pk: other for other in self.workers if other.host == worker.host}
        used = sum(needed(one, here[one.worker_id]) for one in self.running if one.worker_id in here)
        return max(min(slots, (len(worker.cards) - used) // cards), 0)

    def seconds_until(self, ends: int, job: TrainingJob, taking: Sequence[Worker]) -> float | None:
        """Until one more than so many of these workers' jobs have ended; None where that is not known."""
        if (job.gpus or 0) > 1:
            return None
        pks = {worker.pk for worker in taking}
        left = [one.seconds_left for one in self.running if one.worker_id in pks]
        known = sorted(seconds for seconds in left if seconds is not None)
        return known[ends] if len(known) == len(left) and ends < len(known) else None


def look() -> Scene:
    """Three queries."""
    workers, running = workers_and_what_runs()
    in_use = slot_uses.slots_of(slot_uses.unended())
    turn = TrainingJob.objects.claimable().in_turn(shares_of(running)).only("queue", "gpus", "priority")
    return Scene(workers=workers, running=running, turn=list(turn[:MOST_COUNTED]), in_use=in_use)


def workers_and_what_runs() -> tuple[list[Worker], list[TrainingJob]]:
    """The workers that are there, and the jobs on these and on those that fell silent lately, in one query."""
    told = {name: F(f"jobs__{name}") for name in ("gpus", "seconds_left", "created_by_id")}
    pairs = list(Worker.objects.told_apart().annotate(job=F("jobs__pk"), **told))
    workers = {worker.pk: worker for worker in pairs if worker.is_heard}
    running = [
        TrainingJob(pk=pair.job, worker_id=pair.pk, **{name: getattr(pair, name) for name in told})
        for pair in pairs
        if pair.job
    ]
    return list(workers.values()), running


def shares_of(running: Iterable[TrainingJob]) -> dict[int, int]:
    """How many of them each person has; person 0 is nobody."""
    return dict(Counter(job.created_by_id or 0 for job in running))


def workers_there() -> list[Worker]:
    return list(Worker.objects.heard())


def overtaken_by(job: TrainingJob, before: Iterable[TrainingJob], shares: Mapping[int, int]) -> str:
    """Which train goes before it though it came later, and why; nothing if there is none."""
    later = (other for other in before if is_later(other, job) and not other.held_at)
    first = next(later, None)
    if first is None:
        return ""
    words = {
        "train": first,
        "who": first.created_by or _("nobody"),
        "few": shares.get(first.created_by_id or 0, 0),
        "whose": job.created_by or _("nobody"),
        "many": shares.get(job.created_by_id or 0, 0),
    }
    return (
        _("“%(train)s” goes first though it came later: %(who)s has %(few)d trains running, %(whose)s has %(many)d.")
        % words
    )


def is_later(other: TrainingJob, job: TrainingJob) -> bool:
    """Nothing but fair share can have put it first."""
    alike = other.priority == job.priority and other.place is None and job.place is None
    return alike and other.created_at > job.created_at


def takes(worker: Worker, job: TrainingJob) -> bool:
    """Whether it could, were it free and not draining."""
    return job.queue in worker.queue_names and (job.gpus or 0) <= len(worker.cards)


def needed(job: TrainingJob, worker: Worker) -> int:
    """Cards it takes there. A job that does not say how many takes one where there are any."""
    if not worker.cards:
        return 0
    return 1 if job.gpus is None else job.gpus


def nobody_takes(job: TrainingJob, serving: Sequence[Worker], able: Sequence[Worker]) -> str:
    if not serving:
        return _("No worker that is there serves the queue “%(queue)s”.") % {"queue": job.queue}
    if not able:
        largest = max(len(worker.cards) for worker in serving)
        needs = ngettext("It needs %(n)d GPU.", "It needs %(n)d GPUs.", job.gpus or 0) % {"n": job.gpus}
        has = ngettext("%(n)d GPU", "%(n)d GPUs", largest) % {"n": largest} if largest else _("no GPU")
        largest_has = _("The largest worker on the queue “%(queue)s” has %(has)s.") % {"queue": job.queue, "has": has}
        return f"{needs} {largest_has}"
    said = _("Every worker that could run it on the queue “%(queue)s” drains, and takes no new train.")
    return said % {"queue": job.queue}


def so_many(jobs: int) -> str:
    if jobs >= MOST_COUNTED:
        return _("At least %(n)d trains are before it.") % {"n": jobs}
    if not jobs:
        return _("No train is before it.")
    return ngettext("%(n)d train is before it.", "%(n)d trains are before it.", jobs) % {"n": jobs}


def slots_with_other_work(slots: int) -> str:
    return ngettext(
        "%(n)d slot there has other work: see Workers.", "%(n)d slots there have other work: see Workers.", slots
    ) % {"n": slots}


def starts_in(seconds: float) -> str:
    minutes = max(math.ceil(seconds / 60), 1)
    if minutes < 90:
        return _("It starts in about %(n)d min.") % {"n": minutes}
    return _("It starts in about %(n)s h.") % {"n": number_format(minutes / 60, 1)}
