"""Storing: twenty jobs that report 1 000 points a second each, and what a page's write takes beside them and alone."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connection, connections

from benchmarks.records import a_job
from training_jobs import leases
from training_jobs.intake import Intake
from training_jobs.models import MetricChunk, TrainingJob
from training_jobs.reports import Reports
from training_methods.trainers.events import EventLog, Metrics

JOBS, PROCESSES, ROUNDS = 20, 4, 20
TICK = 0.5  # seconds
POINTS = 500  # a job and tick


def measure() -> list[dict[str, object]]:
    jobs = [a_job(f"job-{number}").pk for number in range(JOBS)]
    slots = [
        multiprocessing.get_context("fork").Process(target=train, args=[jobs[n::PROCESSES]]) for n in range(PROCESSES)
    ]
    connections.close_all()
    for slot in slots:
        slot.start()
    beside = writes_of_pages(lambda: any(slot.is_alive() for slot in slots))
    for slot in slots:
        slot.join()
    end = time.monotonic() + 2
    alone = writes_of_pages(lambda: time.monotonic() < end)
    chunks = MetricChunk.objects.filter(job__in=jobs)
    stored = sum(len(points["step"]) for points in chunks.values_list("points", flat=True))
    assert [slot.exitcode for slot in slots] == [0] * PROCESSES
    assert stored == JOBS * POINTS * ROUNDS, stored
    return [
        {"database": connection.vendor, "write of a page": name, **taken}
        for name, taken in {f"beside {JOBS} jobs": beside, "alone": alone}.items()
    ]


def train(jobs: Sequence[UUID]) -> None:
    """What so many slots do: read what their children wrote, and store it."""
    attempts = [Reporting(job) for job in jobs]
    for number in range(ROUNDS):
        began = time.monotonic()
        for attempt in attempts:
            attempt.report(number)
        time.sleep(max(0.0, TICK - (time.monotonic() - began)))


class Reporting:
    """A running job whose child writes faster than anybody can read."""

    def __init__(self, job_id: UUID) -> None:
        lease = leases.take(job_id, 0, None, owner="benchmark", worker=None)
        assert lease
        job = TrainingJob.objects.get(pk=job_id)
        directory = job.attempt_directory(1)
        directory.mkdir(parents=True)
        self.events = EventLog(directory / "events.jsonl")
        self.reports = Reports(directory)
        self.intake = Intake(lease, job)

    def report(self, number: int) -> None:
        for step in range(number * POINTS, (number + 1) * POINTS):
            self.events.write(Metrics(step=step, values={"loss": 1 / (step + 1)}))
        self.intake.store(1, self.reports.read())


def writes_of_pages(go_on: Callable[[], bool]) -> dict[str, object]:
    """Milliseconds that holding a waiting job and letting it go take, as somebody does on its page."""
    person, _ = get_user_model().objects.get_or_create(username="somebody")
    job, taken = a_job("waiting").pk, []
    ways = cycle([leases.hold, leases.let_go])
    while go_on():
        start = time.perf_counter()
        assert next(ways)(job, by=person)
        taken.append(1000 * (time.perf_counter() - start))
        time.sleep(0.02)
    taken.sort()
    p99 = taken[int(0.99 * len(taken))]
    return {"median ms": round(statistics.median(taken), 2), "p99 ms": round(p99, 2), "writes": len(taken)}
