"""A page of the queue: the trains that wait there, and what the reader may do about each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict

from training_jobs import ordering, slot_uses, waiting
from training_jobs.models import Priority, TrainingJob
from training_jobs.slot_uses import Use
from training_jobs.waiting import MOST_COUNTED, Scene, Wait
from training_methods.addresses import page_of

ROWS = 25
FAR_DOWN = MOST_COUNTED // ROWS  # pages on which nobody counts the trains before one any more
SHOWN = (
    "name", "status", "priority", "place", "queue", "gpus", "held_at", "cancel_requested", "created_at",
    "created_by__username", "held_by__username",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Place:
    """A waiting job with its number in the queue and what the reader may do about it."""

    number: int
    job: TrainingJob
    address: str  # where changes are sent
    wait: Wait
    overtaken: str
    is_first: bool
    is_last: bool
    may_move: bool
    may_hold: bool
    may_release: bool
    raised: Priority | None
    lowered: Priority | None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A page of the queue. `number` of the page from 1."""

    number: int
    jobs: list[TrainingJob]  # from the first one of the queue, or far down from the first one of the page
    first: int  # how many of the jobs stand on earlier pages
    scene: Scene
    shares: dict[int, int]
    may_order: bool
    others: list[Use]  # what waits beside trains

    @property
    def on_page(self) -> list[TrainingJob]:
        return self.jobs[self.first : self.first + ROWS]

    @property
    def has_next(self) -> bool:
        return len(self.jobs) > self.first + ROWS

    def places(self, user: Any) -> Iterator[Place]:
        for index, job in enumerate(self.on_page, start=self.first):
            before, after = self.jobs[:index], self.jobs[index + 1 : index + 2]
            wait, own = self.scene.wait_of(job), job.created_by_id == user.pk
            waits_its_turn = not (job.held_at or wait.is_stuck)
            yield Place(
                number=(self.number - 1) * ROWS + index - self.first + 1,
                job=job,
                address=f"{page_of('training_jobs:job-turn', job.pk)}?page={self.number}",
                wait=wait,
                overtaken=waiting.overtaken_by(job, before, self.shares) if waits_its_turn else "",
                is_first=bool(before or self.number == 1) and not any(alike(job, other) for other in before[-1:]),
                is_last=not any(alike(job, other) for other in after),
                may_move=self.may_order,
                may_hold=not job.held_at and job.may_be_held_by(user),
                may_release=bool(job.held_at) and job.may_be_released_by(user),
                raised=beside(job.priority, 1) if self.may_order else None,
                lowered=beside(job.priority, -1) if self.may_order or own else None,
            )


def alike(job: TrainingJob, other: TrainingJob) -> bool:
    return job.priority == other.priority


def beside(priority: int, step: int) -> Priority | None:
    return Priority(priority + step) if priority + step in Priority.values else None


def read(request: HttpRequest) -> Queue:
    """Three queries: the workers with what runs, what else they do, and the jobs."""
    number = page_in(request.GET)
    workers, running = waiting.workers_and_what_runs()
    uses = slot_uses.unended()
    shares = waiting.shares_of(running)
    turn = TrainingJob.objects.waiting().select_related("created_by", "held_by").in_turn(shares).only(*SHOWN)
    end = number * ROWS
    passed_over = end - ROWS if number > FAR_DOWN else 0
    jobs = list(turn[passed_over : end + 1])
    taken = [job for job in jobs if not job.held_at and not job.cancel_requested]
    in_use = slot_uses.slots_of(uses)
    scene = Scene(workers=workers, running=running, turn=taken, passed_over=passed_over, in_use=in_use)
    first = end - ROWS - passed_over
    may_order = ordering.may_order(request.user)
    others = [use for use in uses if not use.is_running]
    return Queue(number=number, jobs=jobs, first=first, scene=scene, shares=shares, may_order=may_order, others=others)


def page_in(asked: QueryDict) -> int:
    text = asked.get("page", "")
    return max(int(text), 1) if text.isdecimal() and len(text) <= 4 else 1
