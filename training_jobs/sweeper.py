"""The thread in each worker that finds what was lost: jobs whose worker died, messages nobody heard."""

import logging
import time
from datetime import timedelta
from threading import Thread

from django.db import DatabaseError, InterfaceError, connection
from kombu.exceptions import OperationalError

from training_jobs import dispatch, leases, workers
from training_methods import checks

EVERY = leases.LEASE / 8

logger = logging.getLogger(__name__)


class Sweeper(Thread):
    """Sweeps until its process ends.

    It takes no job from a worker within one lease of its start or of a database error: while the database was away
    nobody could renew a lease, and those who can again should be first.
    """

    def __init__(self, *, every: timedelta = EVERY, lease: timedelta = leases.LEASE) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.every = every
        self.lease = lease
        self.trust_leases_from = time.monotonic() + lease.total_seconds()

    def run(self) -> None:
        while True:
            self.sweep()
            time.sleep(self.every.total_seconds())

    def sweep(self) -> None:
        try:
            if time.monotonic() >= self.trust_leases_from:
                report(leases.reap())
            workers.forget_silent()
            dispatch.wake_unheard()
            checks.wake_unheard()
        except OperationalError as error:
            logger.warning("The broker does not answer: %s", error)
        except (DatabaseError, InterfaceError) as error:
            self.trust_leases_from = time.monotonic() + self.lease.total_seconds()
            logger.warning("The database does not answer: %s", error)
        finally:
            connection.close()  # open connections do not survive the fork of a new pool process


def report(losses: list[leases.Loss]) -> None:
    for loss in losses:
        logger.warning("Job %s lost its worker %s and is %s now.", loss.job_id, loss.owner, loss.outcome.label.lower())
