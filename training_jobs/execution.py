"""One attempt of a job: claim it, run its child, keep what the child reports, and settle how it ended."""

import logging
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections, transaction
from django.utils import timezone

from training_jobs import (
    cgroups,
    checkpoints,
    customized_models,
    dispatch,
    hardware,
    leases,
    reports,
    room,
    run_folders,
    stopping,
)
from training_jobs.intake import Intake
from training_jobs.leases import HEARTBEAT, LEASE, SAVING, Lease, LeaseLost
from training_jobs.models import JobEvent, Status, TrainingJob
from training_jobs.reports import Batch
from training_jobs.stopping import EarlyEnd, Stop
from training_jobs.supervisor import Interrupted, Supervisor
from training_methods import config
from training_methods.flags import Flag
from training_methods.trainers import failures
from training_methods.trainers.events import Cause, Failure, Finished
from training_methods.trainers.keeper import clock

logger = logging.getLogger(__name__)
T = TypeVar("T")
AWAY = (OperationalError, InterfaceError, InternalError)  # the last: a database that can only be read for now
LONGEST_ABSENCE = 10 * LEASE  # then another worker, which finds the same files, may have the job


def perform(attempt: "Attempt", *, threads: int = 1, devices: Sequence[str] | None = None) -> None:
    """Run a job that is ours. `devices` are the ids of its GPUs; None: nobody hands out any on this machine."""
    lease = attempt.lease
    logger.info("Job %s starts: attempt %s.", lease.job_id, lease.attempt)
    try:
        attempt.run(threads, devices)
    except LeaseLost:
        logger.warning("Job %s is no longer ours (attempt %s): its child was ended.", lease.job_id, lease.attempt)
    except Exception as error:
        attempt.patiently(leases.fail, lease, failure_of_engine(error))
        raise
    else:
        logger.info("Job %s (%s) is %s.", lease.job_id, attempt.job, attempt.patiently(attempt.status))
        attempt.patiently(checkpoints.tidy_safely, lease.job_id)


class Attempt:
    """A job while it is ours. `claimed`: a time by `keeper.clock` before the claim, from which the lease counts.

    `draining` is set when this worker has to leave.
    `warm_parent_at`: where the worker's warm parent listens, if it has one.
    """

    def __init__(self, lease: Lease, draining: Flag, *, claimed: float, warm_parent_at: Path | None = None) -> None:
        self.lease = lease
        self.draining = draining
        self.warm_parent_at = warm_parent_at
        self.started = self.renewed = claimed
        self.stop: Stop | None = None
        self.child: Supervisor | None = None

    def run(self, threads: int, devices: Sequence[str] | None = None) -> None:
        self.patiently(self.begin)
        for earlier in self.intake.earlier_attempts():
            self.catch_up(earlier)
        runs_on = hardware.described(threads=threads, devices=devices)
        self.patiently(lambda: self.record("claimed", owner=self.lease.owner, hardware=runs_on))
        if finished := self.finished_before():
            self.patiently(self.settle, finished)
        elif self.job.finish_requested and not run_folders.newest_checkpoint(self.job):
            self.patiently(leases.cancel, self.lease, stopping.nothing_learnt())
        elif missing := run_folders.missing_input(self.job):
            self.patiently(leases.fail, self.lease, missing)
        else:
            self.patiently(self.lay_out, threads, devices)
            self.patiently(self.settle, self.supervise(self.supervisor(threads)))

    def supervisor(self, threads: int) -> Supervisor:
        """A script that names its own Python gains nothing from what ours has imported."""
        method = self.job.method_snapshot["config"]
        return Supervisor(
            self.directory,
            threads=threads,
            grace=SAVING.total_seconds(),
            warm_parent_at=None if config.interpreter(method) else self.warm_parent_at,
            memory_gb=config.resources(method).memory_gb,
            cgroups_in=cgroups.home(settings.CGROUP),
        )

    def begin(self) -> None:
        self.job = TrainingJob.objects.get(pk=self.lease.job_id)
        self.directory = self.job.attempt_directory(self.lease.attempt)
        self.early_end = EarlyEnd(self.directory)
        self.intake = Intake(self.lease, self.job)
        self.time_limit = config.resources(self.job.method_snapshot["config"]).time_limit_minutes
        self.ran_before = stopping.seconds_before(self.job)

    def catch_up(self, earlier: int) -> None:
        rest = self.patiently(self.intake.rest_of, earlier)
        while batch := rest.read():
            self.patiently(self.keep, earlier, batch)

    def finished_before(self) -> Finished | None:
        """The training had come to its end, and its worker was lost before it could say so; perhaps the next one too,
        before it had laid out a run of its own.
        """
        earlier = map(self.job.attempt_directory, range(self.lease.attempt - 1, 0, -1))
        directory = next((one for one in earlier if one.exists()), None)
        ending = reports.ending_of(directory) if directory else None
        if not (directory and isinstance(ending, Finished) and ending.outcome == "succeeded"):
            return None
        self.directory = directory
        return ending

    def lay_out(self, threads: int, devices: Sequence[str] | None) -> None:
        for sentence in run_folders.changed_code(self.job):
            self.record("note", text=sentence)
        spec = run_folders.lay_out(self.job, self.directory, threads=threads, devices=devices)
        if self.job.finish_requested:
            self.early_end.ask()
        if spec.resume_from:
            self.record("resumed", checkpoint=str(spec.resume_from))

    def supervise(self, supervisor: Supervisor) -> Finished | Failure | Interrupted:
        """Whatever happens in here, the child does not outlive it."""
        with supervisor as self.child:
            self.tell_keeper()
            for batch in self.child.watch():
                self.patiently(self.keep, self.lease.attempt, batch)
                self.early_end.hear(batch.events)
                self.heed(self.patiently(self.reason_to_stop))
            return self.child.ending()

    def heed(self, reason: Stop | None) -> None:
        """Stop the child for the first reason there is. “Now” comes after any other, and waits for no checkpoint."""
        assert self.child
        if reason is None or reason is self.stop or (self.stop and reason is not Stop.NOW):
            return
        self.stop = reason
        if reason is Stop.NOW:
            self.child.kill()
        else:
            self.child.stop()
        self.patiently(self.say_that_it_stops)

    def keep(self, attempt: int, batch: Batch) -> None:
        """Store a batch and renew the lease, which lasts at least from before we asked."""
        asked = clock()
        self.mind_the_keeper()
        if not batch and asked - self.renewed < HEARTBEAT.total_seconds():
            return
        self.intake.store(attempt, batch)
        self.renewed = asked
        self.tell_keeper()
        reports.forget(self.job.attempt_directory(attempt), batch.events_end)

    @property
    def gone_at(self) -> float:
        """When our lease is over, and the child has to be gone, by our own clock."""
        return self.renewed + LEASE.total_seconds()

    @property
    def stop_at(self) -> float:
        """From when on the child has to save and stop."""
        return self.gone_at - SAVING.total_seconds()

    def tell_keeper(self) -> None:
        if self.child:
            self.child.beat(self.stop_at, self.gone_at)

    def reason_to_stop(self) -> Stop | None:
        asked = self.lease.held().values("cancel_requested", "kill_requested", "finish_requested").first()
        if asked is None:
            raise LeaseLost
        if asked["cancel_requested"]:
            return Stop.NOW if asked["kill_requested"] else Stop.CANCEL
        if asked["finish_requested"] and not self.early_end.is_asked:
            self.early_end.ask()
            self.record("stopping", reason="save")
        if self.early_end.is_overdue:
            return Stop.UNFINISHED
        if self.draining.is_set():
            return Stop.DRAIN
        if not room.is_enough_to_go_on():
            return Stop.DISK
        is_over = self.time_limit and self.ran_before + clock() - self.started > self.time_limit * 60
        return Stop.TIME_LIMIT if is_over else None

    def say_that_it_stops(self) -> None:
        leases.stopping(self.lease)
        self.record("stopping", reason=self.stop.value if self.stop else "")

    def settle(self, ending: Finished | Failure | Interrupted) -> None:
        """The one change of status that ends this attempt."""
        if isinstance(ending, Finished) and ending.outcome == "succeeded":
            self.succeed(ending)
        elif self.stop in (Stop.CANCEL, Stop.NOW):
            leases.cancel(self.lease)
        elif self.stop is Stop.UNFINISHED:
            leases.cancel(self.lease, self.early_end.overdue())
        elif self.stop is None and isinstance(ending, Finished) and self.early_end.is_asked:
            leases.cancel(self.lease, stopping.no_result())
        elif self.stop is Stop.TIME_LIMIT:
            leases.fail(self.lease, stopping.out_of_time(self.time_limit))
        elif self.stop is Stop.DISK:
            leases.fail(self.lease, room.ran_out())
        elif self.stop is None and isinstance(ending, Failure):
            leases.fail(self.lease, ending)
        elif self.stop is None and isinstance(ending, Interrupted):
            self.try_again(ending)
        else:
            self.hand_back()

    def succeed(self, finished: Finished) -> None:
        """Success and its model are one: a job that is another's by now leaves nothing."""
        with transaction.atomic():
            job = self.lease.held().first()
            if job is None:
                raise LeaseLost
            stopped_at = job.step if stopping.was_early(job, finished) else None
            values = job.latest_metrics | finished.values
            if not leases.succeed(self.lease, latest_metrics=values, stopped_at=stopped_at):
                raise LeaseLost
            if not customized_models.keep(job, finished, self.directory / "output"):
                self.record("note", text="The training left no files in its output folder, so there is no model.")

    def hand_back(self) -> None:
        if leases.release(self.lease):
            self.record("released", owner=self.lease.owner)
            dispatch.wake(self.job)

    def try_again(self, ending: Interrupted) -> None:
        outcome = leases.interrupt(self.lease, ending.why)
        if outcome is None:  # a cancel came in between
            self.hand_back()
        elif outcome == Status.QUEUED:
            dispatch.wake(self.job)

    def status(self) -> str:
        """In a word. Whoever follows the job may have deleted it as soon as it had ended."""
        found = TrainingJob.objects.filter(pk=self.job.pk).values_list("status", flat=True).first()
        return Status(found).label.lower() if found else "deleted"

    def record(self, kind: str, **data: object) -> None:
        """Something that happened to the job, beside what its child reports."""
        JobEvent.objects.create(job=self.job, attempt=self.lease.attempt, kind=kind, at=timezone.now(), data=data)

    def patiently(self, write: Callable[..., T], *args: object) -> T:
        """While the database is away, try again. The training goes on meanwhile, as long as the lease allows it."""
        while True:
            try:
                return write(*args)
            except AWAY as error:
                logger.warning("Job %s waits for the database: %s", self.lease.job_id, error)
                self.mind_the_lease(error)
            close_old_connections()
            time.sleep(min(1.0, HEARTBEAT.total_seconds()))

    def mind_the_keeper(self) -> None:
        """It has the child save and stop when the lease was not renewed in time. Where we were held up, that is over
        by now, and it was nobody from outside.
        """
        if self.child and self.stop is None and clock() >= self.stop_at:
            self.stop = Stop.LEASE
            self.child.stop()

    def mind_the_lease(self, error: Exception) -> None:
        """What the child's keeper does by itself when the lease ends; and we do not wait for ever."""
        self.mind_the_keeper()
        if self.child and self.child.is_running:
            if self.stop is None and self.draining.is_set():
                self.stop = Stop.DRAIN
                self.child.stop()
            if clock() >= self.gone_at:
                self.child.kill()
        waited_for = clock() - self.renewed
        if waited_for > (LEASE if self.draining.is_set() else LONGEST_ABSENCE).total_seconds():
            raise LeaseLost from error


def failure_of_engine(error: Exception) -> Failure:
    """A disk without room for a run folder is not its fault."""
    if (failure := failures.failure(error)).cause == Cause.DISK_FULL:
        return failure
    return Failure(message="The job engine itself failed at this job.", traceback=traceback.format_exc())
