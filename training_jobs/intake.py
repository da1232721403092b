"""Brings what a run's files say into the database, every line once, whoever has the job by then."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from training_jobs import leases, logs, metrics
from training_jobs.leases import Lease, LeaseLost
from training_jobs.models import JobEvent, TrainingJob
from training_jobs.reports import Batch, Reports
from training_methods.trainers.events import CheckpointSaved, Event, Failure, Metrics, Note, Progress, Sample


class Intake:
    def __init__(self, lease: Lease, job: TrainingJob) -> None:
        self.lease = lease
        self.job = job
        self.latest_metrics: dict[str, float | None] = job.latest_metrics

    def store(self, attempt: int, batch: Batch) -> None:
        """Store a batch and renew the lease: all of it or, once the job is another's, nothing. Raises LeaseLost."""
        read = {"stored_attempt": attempt, "stored_events": batch.events_end}
        with transaction.atomic():
            if not leases.heartbeat(self.lease, **read, **self.progress(batch.events)):
                raise LeaseLost
            metrics.append(self.job.pk, attempt, (event for event in batch.events if isinstance(event, Metrics)))
            logs.append(self.job.pk, attempt, batch.log)
            JobEvent.objects.bulk_create(for_people(self.job, attempt, batch.events))

    def earlier_attempts(self) -> range:
        """Those whose files may say more than is stored: their worker was dying, or the database was away."""
        return range(max(1, self.job.stored_attempt), self.lease.attempt)

    def rest_of(self, attempt: int) -> Reports:
        """What an earlier attempt wrote beyond what is stored."""
        stored = self.job.stored_events if attempt == self.job.stored_attempt else 0
        rest = Reports(
            self.job.attempt_directory(attempt), events_from=stored, log_from=logs.stored_until(self.job.pk, attempt)
        )
        rest.end_here()
        return rest

    def progress(self, events: Iterable[Event]) -> dict[str, Any]:
        """The fields of the job that these events change."""
        changes: dict[str, Any] = {}
        for event in events:
            if isinstance(event, Metrics):
                self.latest_metrics |= event.values
                changes |= {"latest_metrics": self.latest_metrics}
            if isinstance(event, Metrics | Progress):
                changes |= {"step": event.step} | ({"total_steps": event.total} if event.total else {})
            if isinstance(event, Progress):
                changes |= {"tokens_per_second": event.tokens_per_second, "seconds_left": event.seconds_left}
        return changes


def for_people(job: TrainingJob, attempt: int, events: Iterable[Event]) -> list[JobEvent]:
    return [
        JobEvent(
            job=job,
            attempt=attempt,
            kind=event.kind,
            at=datetime.fromtimestamp(event.at, UTC),
            data=storable(event),
        )
        for event in events
        if isinstance(event, Note | CheckpointSaved | Sample | Failure)
    ]


def storable(event: Event) -> dict[str, Any]:
    """What an event says, without NUL, which PostgreSQL does not store."""
    return json.loads(event.model_dump_json(exclude={"at", "kind"}).replace("\\u0000", "\\ufffd"))
