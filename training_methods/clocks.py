"""Whether somebody set the database's clock, by which workers are heard of: told by a clock that nobody can set."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

SECONDS = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400",
    "postgresql": "SELECT extract(epoch FROM statement_timestamp())",
}

logger = logging.getLogger(__name__)


class ClockWasSet(Exception):
    """While something was written by it, which is undone."""


class ClockWatch:
    """Holds the two against each other. A machine that slept looks like one whose clock was set, and is as dangerous:
    leases ended meanwhile that nobody could renew.

    Once it was set, it is not trusted for `patience`: by then every worker that is there was heard of by the new one.
    """

    def __init__(self, tolerance: timedelta, patience: timedelta) -> None:
        self.tolerance = tolerance.total_seconds()
        self.patience = patience.total_seconds()
        self.trusted_from = 0.0
        self.ahead: float | None = None
        """By how much the database's clock was ahead of ours when it was last set."""

    def is_trusted(self) -> bool:
        if self.was_set():
            logger.warning("The database's clock was set: nothing is taken from a worker for a while.")
        return time.monotonic() >= self.trusted_from

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """A transaction for one who found the clock to be trusted. Raises ClockWasSet, at its end, if it is no more."""
        with transaction.atomic():
            yield
            if not self.is_trusted():
                raise ClockWasSet

    def distrust(self) -> None:
        self.trusted_from = time.monotonic() + self.patience

    def was_set(self) -> bool:
        """Since this was last asked; false at the first time. It is distrusted then, before another thread can find
        that it has not been set since.
        """
        before, now = self.ahead, seconds_of_database() - time.monotonic()
        if before is not None and abs(now - before) <= self.tolerance:
            return False
        if before is not None:
            self.distrust()
        self.ahead = now
        return before is not None


of_this_process = ClockWatch(timedelta(seconds=5), timedelta(seconds=60))


def is_trusted() -> bool:
    """Whether what has not been heard of by it may be asked for again, though a worker has it."""
    return of_this_process.is_trusted()


def by_trusted(write: Callable[[], object]) -> None:
    """Write something by it; nothing is written where it is not trusted, or is set meanwhile."""
    if of_this_process.is_trusted():
        with suppress(ClockWasSet), of_this_process.undisturbed():
            write()


def look() -> None:
    """As a process begins, so that it notices later. With no database there by now, its first question is that look."""
    with suppress(DatabaseError):
        of_this_process.is_trusted()
    connection.close()


def seconds_of_database() -> float:
    with connection.cursor() as cursor:
        cursor.execute(SECONDS[connection.vendor])
        return float(cursor.fetchone()[0])


def long_ago(field: str, span: timedelta) -> Q:
    """That time lies further back than `span`, or was told by a clock that was set back since: it is yet to come."""
    return Q(**{f"{field}__lt": Now() - span}) | Q(**{f"{field}__gt": Now() + span})
