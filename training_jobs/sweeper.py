"""The thread in each worker that finds what was lost: jobs whose worker died, messages nobody heard."""

import logging
import subprocess
import time
from contextlib import suppress
from datetime import timedelta
from threading import Thread

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from kombu.exceptions import OperationalError

from training_jobs import (
    broker,
    checkpoints,
    dispatch,
    leases,
    model_work,
    rehearsals,
    remains,
    removals,
    tryouts,
    workers,
)
from training_jobs.forking import ForkGuard
from training_jobs.intake import Postscript
from training_jobs.models import TrainingJob
from training_methods import checks
from training_methods.clocks import ClockWasSet, ClockWatch

EVERY = leases.LEASE / 8
FORKS_WAIT = ForkGuard()

logger = logging.getLogger(__name__)


class Sweeper(Thread):
    """Sweeps until its process ends.

    It takes nothing from a worker within one lease of its start or of a database error: while the database was away
    nobody could renew a lease, and those who can again should be first. The same where its clock was set.
    """

    def __init__(self, *, every: timedelta = EVERY, lease: timedelta = leases.LEASE) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.every = every
        self.clock_watch = ClockWatch(leases.MARGIN / 2, lease)
        self.clock_watch.distrust()

    def run(self) -> None:
        while True:
            try:
                self.sweep()
            except Exception:  # one thing that cannot be swept must not leave every lost job lying for ever
                logger.exception("The sweep broke off. It is tried again.")
            time.sleep(self.every.total_seconds())

    def sweep(self) -> None:
        with FORKS_WAIT:
            self.sweep_patiently()

    def sweep_patiently(self) -> None:
        try:
            self.reap()
            checkpoints.tidy_some()
            removals.remove_files()
            remains.remove()
            dispatch.wake_unheard()
            checks.wake_unheard()
            model_work.wake_unheard()
            rehearsals.wake_unheard()
        except OperationalError as error:
            logger.warning("The broker does not answer: %s", error)
            self.revive_broker()
        except (DatabaseError, InterfaceError) as error:
            self.clock_watch.distrust()
            logger.warning("The database does not answer: %s", error)

    def revive_broker(self) -> None:
        try:
            broker.revive(settings.DATA_DIR)
        except (broker.BrokerError, subprocess.CalledProcessError) as error:
            logger.warning("The broker is not started anew: %s", error)

    def reap(self) -> None:
        """Whatever was lost with its worker."""
        if not self.clock_watch.is_trusted():
            return
        reap_lost(self.clock_watch)
        with suppress(ClockWasSet), self.clock_watch.undisturbed():
            tryouts.give_up_lost()
            workers.forget_silent()


def reap_lost(watch: ClockWatch) -> list[leases.Loss]:
    """For one who trusts the clock. It may be set at any moment: what was taken back by it meanwhile is not."""
    losses = [*leases.reap(watch.undisturbed), *leases.reap_stranded(watch.undisturbed)]
    for loss in losses:
        settle(loss)
    return losses


def settle(loss: leases.Loss) -> None:
    """Say it. Of a job that is not tried again, unless somebody has deleted it, keep what its worker had not stored."""
    logger.warning("Job %s lost its worker %s and is %s now.", loss.job_id, loss.owner, loss.outcome.label.lower())
    for job in TrainingJob.objects.ended().filter(pk=loss.job_id):
        try:
            Postscript(job).store_all()
        except leases.LeaseLost:  # somebody has started it again
            return
        except OSError as error:
            logger.warning("What job %s had not told any more cannot be read: %s", job.pk, error)
