"""What a waiting job waits for, and about when it starts, told from the database alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from training_jobs.models import TrainingJob, Worker

MOST_COUNTED = 200  # jobs before one; nobody counts further


@dataclass(frozen=True, kw_only=True)
class Wait:
    """`is_stuck`: it goes on waiting until somebody sees to the workers."""

    sentence: str
    is_stuck: bool = False


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The workers that are there, what runs, and the first of the waiting jobs in turn."""

    workers: Sequence[Worker]
    running: Sequence[TrainingJob]
    turn: Sequence[TrainingJob]

    def wait_of(self, job: TrainingJob) -> Wait:
        if job.held_at:
            return Wait(sentence=f"Held by {job.held_by or 'somebody'}: no worker takes it until it is released.")
        if not self.workers:
            return Wait(sentence="No worker is there. “make worker” starts one; trains wait until then.", is_stuck=True)
        serving = [worker for worker in self.workers if job.queue in worker.queue_names]
        able = [worker for worker in serving if takes(worker, job)]
        taking = [worker for worker in able if not worker.draining_requested]
        if not taking:
            return Wait(sentence=nobody_takes(job, serving, able), is_stuck=True)
        return Wait(sentence=self.its_turn(job, taking))

    def its_turn(self, job: TrainingJob, taking: Sequence[Worker]) -> str:
        before = self.before(job, taking)
        free = sum(self.room(job, worker) for worker in taking)
        if free and sum(self.has_room(other, taking) for other in before) < free:
            return "A worker is about to take it."
        seconds = self.seconds_until(max(len(before) - free, 0), job, taking)
        about = "" if seconds is None else f" It starts in about {roughly(seconds)}."
        return f"{so_many(len(before))} before it, and no worker is free on the queue “{job.queue}”.{about}"

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
    """Four queries."""
    turn = TrainingJob.objects.claimable().in_turn().only("queue", "gpus")
    return Scene(workers=workers_there(), running=running_jobs(), turn=list(turn[:MOST_COUNTED]))


def workers_there() -> list[Worker]:
    return list(Worker.objects.heard())


def running_jobs() -> list[TrainingJob]:
    return list(TrainingJob.objects.active().only("worker", "gpus", "seconds_left"))


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
        return f"No worker that is there serves the queue “{job.queue}”."
    if not able:
        largest = max(len(worker.cards) for worker in serving)
        has = f"has {largest}" if largest else "has none"
        gpus = "1 GPU" if job.gpus == 1 else f"{job.gpus} GPUs"
        return f"It needs {gpus}, and the largest worker on the queue “{job.queue}” {has}."
    return f"Every worker that could run it on the queue “{job.queue}” drains, and takes no new train."


def so_many(jobs: int) -> str:
    if jobs >= MOST_COUNTED:
        return f"At least {jobs} trains are"
    return {0: "No train is", 1: "1 train is"}.get(jobs, f"{jobs} trains are")


def roughly(seconds: float) -> str:
    minutes = max(math.ceil(seconds / 60), 1)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
