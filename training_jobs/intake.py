"""Brings what a run's files say into the database, every line once, whoever has the job by then."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from training_jobs import checkpoints, leases, logs, metrics
from training_jobs.leases import Lease, LeaseLost
from training_jobs.models import JobEvent, TrainingJob
from training_jobs.reports import Batch, Reports, in_words
from training_methods.trainers.events import CheckpointSaved, Event, Failure, Metrics, Note, Progress, Sample


class Intake:
    def __init__(self, lease: Lease, job: TrainingJob) -> None:
        self.lease = lease
        self.job = job
        self.latest_metrics: dict[str, float | None] = job.latest_metrics
        self.reported: dict[str, tuple[int, float | None]] = {}
        """The last value of each metric in this attempt, with its step."""
        self.is_in_doubt = False
        """Whether the last batch was stored: the database's answer may have been lost, and not its work."""

    def store(self, attempt: int, batch: Batch) -> None:
        """Store a batch and renew the lease: all of it or, once the job is another's, nothing. Raises LeaseLost.

        What can be made ready is, before the transaction: SQLite has one writer at a time.
        """
        if self.is_in_doubt:
            batch = self.not_stored(attempt, batch)
        self.is_in_doubt = True
        reported = {"stored_attempt": attempt, "stored_events": batch.events_end, **self.progress(batch.events)}
        points = (event for event in batch.events if isinstance(event, Metrics))
        curves, events = metrics.prepared(self.job.pk, attempt, points), for_people(self.job, attempt, batch.events)
        with transaction.atomic():
            if not self.write(**reported):
                raise LeaseLost
            curves.store()
            logs.append(self.job.pk, attempt, batch.log)
            JobEvent.objects.bulk_create(events)
            checkpoints.store(self.job, attempt, batch.events, self.reported)
        self.is_in_doubt = False

    def not_stored(self, attempt: int, batch: Batch) -> Batch:
        """What of a batch that is brought once more the database does not have yet."""
        stored = TrainingJob.objects.values_list("stored_attempt", "stored_events").filter(pk=self.job.pk).first()
        events = [] if stored == (attempt, batch.events_end) else batch.events
        until = logs.stored_until(self.job.pk, attempt)
        log = [piece for piece in batch.log if piece.offset >= until]
        return replace(batch, events=events, log=log)

    def write(self, **fields: object) -> bool:
        """To the job's row, while it is ours."""
        return leases.heartbeat(self.lease, **fields)

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


class Postscript(Intake):
    """For a job that ended with its worker: nobody holds it, and what that had not stored any more is still read."""

    def __init__(self, job: TrainingJob) -> None:
        super().__init__(Lease(job_id=job.pk, owner=job.owner, attempt=job.attempt), job)

    def write(self, **fields: object) -> bool:
        """Unless somebody has started the job again."""
        ended = TrainingJob.objects.ended().filter(pk=self.job.pk, attempt=self.job.attempt)
        return bool(ended.update(**fields))

    def store_all(self) -> None:
        for attempt in (*self.earlier_attempts(), self.job.attempt):
            rest = self.rest_of(attempt)
            while batch := rest.read():
                self.store(attempt, batch)


def for_people(job: TrainingJob, attempt: int, events: Iterable[Event]) -> list[JobEvent]:
    return [
        JobEvent(
            job=job,
            attempt=attempt,
            kind=event.kind,
            at=datetime.fromtimestamp(event.at, UTC),
            data=in_words(event),
        )
        for event in events
        if isinstance(event, Note | CheckpointSaved | Sample | Failure)
    ]
