"""One attempt of a job: claim it, run its child, keep what the child reports, and settle how it ended."""

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import Enum
from multiprocessing.synchronize import Event as Flag
from typing import Any, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections, transaction
from django.utils import timezone

from training_jobs import customized_models, dispatch, leases, logs, metrics, run_folders
from training_jobs.leases import HEARTBEAT, LEASE, Lease, LeaseLost
from training_jobs.models import JobEvent, Status, TrainingJob
from training_jobs.supervisor import Batch, Supervisor
from training_methods.config import resources
from training_methods.trainers.events import (
    CheckpointSaved,
    Event,
    Failure,
    Finished,
    Metrics,
    Note,
    Progress,
    Sample,
)

logger = logging.getLogger(__name__)
T = TypeVar("T")
SHUTDOWN_SECONDS = 5  # a machine that goes down signals worker and child in any order


class Stop(Enum):
    """Why a child was asked to stop."""

    CANCEL = "cancel"
    DRAIN = "drain"
    TIME_LIMIT = "time-limit"


def run(job_id: UUID, draining: Flag, *, threads: int = 1) -> None:
    """Run a job if it is there to be taken. `draining` is set when this worker has to leave."""
    lease = leases.claim(job_id, leases.new_owner())
    if lease is None:
        return
    attempt = Attempt(lease, draining)
    logger.info("Job %s (%s) starts: attempt %s.", job_id, attempt.job, lease.attempt)
    try:
        attempt.run(threads)
    except LeaseLost:
        logger.warning("Job %s is no longer ours (attempt %s): its child was ended.", job_id, lease.attempt)
    except Exception:
        failure = Failure(message="The job engine itself failed at this job.", traceback=traceback.format_exc())
        attempt.patiently(leases.fail, lease, failure)
        raise
    else:
        logger.info("Job %s (%s) is %s.", job_id, attempt.job, attempt.status())


class Attempt:
    """A job while it is ours."""

    def __init__(self, lease: Lease, draining: Flag) -> None:
        self.lease = lease
        self.draining = draining
        self.job = TrainingJob.objects.get(pk=lease.job_id)
        self.directory = self.job.directory / f"attempt-{lease.attempt}"
        self.latest_metrics: dict[str, float | None] = self.job.latest_metrics
        self.time_limit: int | None = None
        self.stop: Stop | None = None
        self.started = self.renewed = time.monotonic()

    def run(self, threads: int) -> None:
        self.record("claimed", owner=self.lease.owner)
        self.time_limit = resources(self.job.method_snapshot["config"]).time_limit_minutes
        if missing := run_folders.missing_input(self.job):
            leases.fail(self.lease, missing)
            return
        spec = run_folders.lay_out(self.job, self.directory, threads=threads)
        if spec.resume_from:
            self.record("resumed", checkpoint=str(spec.resume_from))
        ending = self.supervise(Supervisor(self.directory, threads=threads))
        self.patiently(self.settle, ending)

    def supervise(self, supervisor: Supervisor) -> Finished | Failure:
        """Whatever happens in here, the child does not outlive it."""
        with supervisor as child:
            for batch in child.watch():
                self.patiently(self.keep, batch)
                if self.stop is None and (reason := self.patiently(self.reason_to_stop)):
                    self.stop = reason
                    child.stop()
                    self.patiently(self.say_that_it_stops)
            return child.ending()

    def keep(self, batch: Batch) -> None:
        """Store a batch and renew the lease: all of it or, once the job is another's, nothing."""
        now = time.monotonic()
        if not batch and now - self.renewed < HEARTBEAT.total_seconds():
            return
        with transaction.atomic():
            if not leases.heartbeat(self.lease, **self.progress(batch.events)):
                raise LeaseLost
            points = (event for event in batch.events if isinstance(event, Metrics))
            metrics.append(self.job.pk, self.lease.attempt, points)
            logs.append(self.job.pk, self.lease.attempt, batch.log)
            JobEvent.objects.bulk_create(self.for_people(batch.events))
        self.renewed = now

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

    def for_people(self, events: Iterable[Event]) -> list[JobEvent]:
        return [
            JobEvent(
                job=self.job,
                attempt=self.lease.attempt,
                kind=event.kind,
                at=datetime.fromtimestamp(event.at, UTC),
                data=storable(event),
            )
            for event in events
            if isinstance(event, Note | CheckpointSaved | Sample | Failure)
        ]

    def reason_to_stop(self) -> Stop | None:
        cancelled = self.lease.held().values_list("cancel_requested", flat=True).first()
        if cancelled is None:
            raise LeaseLost
        if cancelled:
            return Stop.CANCEL
        if self.draining.is_set():
            return Stop.DRAIN
        is_over = self.time_limit and time.monotonic() - self.started > self.time_limit * 60
        return Stop.TIME_LIMIT if is_over else None

    def say_that_it_stops(self) -> None:
        leases.stopping(self.lease)
        self.record("stopping", reason=self.stop.value if self.stop else "")

    def settle(self, ending: Finished | Failure) -> None:
        """The one change of status that ends this attempt."""
        if isinstance(ending, Finished) and ending.outcome == "succeeded":
            self.succeed(ending)
        elif self.stop is Stop.CANCEL:
            leases.cancel(self.lease)
        elif self.stop is Stop.TIME_LIMIT:
            leases.fail(self.lease, out_of_time(self.time_limit))
        elif self.stop is Stop.DRAIN or was_shut_down(ending, self.draining):
            self.hand_back()
        else:
            leases.fail(self.lease, ending if isinstance(ending, Failure) else STOPPED_FROM_OUTSIDE)

    def succeed(self, finished: Finished) -> None:
        """Success and its model are one: a job that is another's by now leaves nothing."""
        with transaction.atomic():
            job = TrainingJob.objects.get(pk=self.job.pk)
            if not leases.succeed(self.lease, latest_metrics=job.latest_metrics | finished.values):
                raise LeaseLost
            if not customized_models.keep(job, finished, self.directory / "output"):
                self.record("note", text="The training left no files in its output folder, so there is no model.")

    def hand_back(self) -> None:
        if leases.release(self.lease):
            self.record("released", owner=self.lease.owner)
            dispatch.wake(self.job)

    def status(self) -> str:
        return Status(TrainingJob.objects.values_list("status", flat=True).get(pk=self.job.pk)).label.lower()

    def record(self, kind: str, **data: str) -> None:
        """Something that happened to the job, beside what its child reports."""
        JobEvent.objects.create(job=self.job, attempt=self.lease.attempt, kind=kind, at=timezone.now(), data=data)

    def patiently(self, write: Callable[..., T], *args: object) -> T:
        """While the database is away, try again for as long as the lease lasts. The training goes on meanwhile."""
        while True:
            try:
                return write(*args)
            except (OperationalError, InterfaceError) as error:
                if time.monotonic() - self.renewed > LEASE.total_seconds():
                    raise LeaseLost from error
                logger.warning("Job %s waits for the database: %s", self.lease.job_id, error)
                close_old_connections()
                time.sleep(1)


STOPPED_FROM_OUTSIDE = Failure(
    message="Somebody outside DeepExtension ended the training process (SIGTERM).",
    hint="Its checkpoint was kept; start the job anew if this was a mistake.",
)


def out_of_time(minutes: int | None) -> Failure:
    return Failure(
        message=f"The training was stopped at its time limit of {minutes} minutes.",
        hint="The method's configuration sets the limit (resources.time_limit_minutes).",
    )


def was_shut_down(ending: Finished | Failure, draining: Flag) -> bool:
    """The child was stopped, and not by us: a machine that goes down tells the worker too, about the same time."""
    return isinstance(ending, Finished) and draining.wait(SHUTDOWN_SECONDS)


def storable(event: Event) -> dict[str, Any]:
    """What an event says, without NUL, which PostgreSQL does not store."""
    return json.loads(event.model_dump_json(exclude={"at", "kind"}).replace("\\u0000", "\\ufffd"))
