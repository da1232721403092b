"""Workers as records: each tells by its own heartbeats that it is there, and reads what is wished of it."""

import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from training_jobs import dispatch, hardware
from training_jobs.cards import Card
from training_jobs.forking import ForkGuard
from training_jobs.models import Worker, WorkerQuerySet
from training_jobs.submission import version_of

EVERY = timedelta(seconds=5)
FORGOTTEN_AFTER = timedelta(hours=1)
FORKS_WAIT = ForkGuard()
CHECKOUT = gettext_noop("a checkout")  # in place of a version, where the package is not installed

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What administrators want of a worker."""

    draining: bool = False
    handing_back: bool = False


@dataclass(frozen=True, kw_only=True)
class Presence:
    """This worker's own record."""

    id: UUID
    queues: Sequence[str]
    slots: int
    cards: Sequence[Card] = ()

    def beat(self) -> Wishes:
        """Say that it is here, by the database's clock."""
        if not self.row().update(heartbeat_at=Now()):
            Worker.objects.create(
                id=self.id,
                host=socket.gethostname()[:255],
                pid=os.getpid(),
                version=version_of("deepextension") or CHECKOUT,
                queues=",".join(self.queues),
                slots=self.slots,
                cards=[card.name for card in self.cards],
                card_memory=[card.memory for card in self.cards],
                memory=hardware.memory(),
                started_at=Now(),
                heartbeat_at=Now(),
            )
        wished = self.row().values_list("draining_requested", "handing_back_requested").first()
        return Wishes(draining=wished[0], handing_back=wished[1]) if wished else Wishes()  # none: it has just left

    def leave(self) -> None:
        self.row().delete()

    def row(self) -> WorkerQuerySet:
        return Worker.objects.filter(pk=self.id)


class Attendance(Thread):
    """Keeps a worker's record until it leaves, and hands on what is wished whenever that changes."""

    def __init__(self, presence: Presence, obey: Callable[[Wishes], None], *, every: timedelta = EVERY) -> None:
        super().__init__(name="attendance", daemon=True)
        self.presence = presence
        self.obey = obey
        self.every = every
        self.obeyed = Wishes()
        self.leaving = Event()

    def run(self) -> None:
        self.beat()
        while not self.leaving.wait(self.every.total_seconds()):
            self.beat()

    def leave(self) -> None:
        """For good: what the worker still has to end takes seconds, and no beat brings its record back meanwhile."""
        self.leaving.set()
        self.join()
        self.presence.leave()

    def beat(self) -> None:
        try:
            with FORKS_WAIT:
                wishes = self.presence.beat()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The worker cannot say that it is here: %s", error)
            return
        if wishes != self.obeyed:
            self.obey(wishes)
            self.obeyed = wishes


def drain(worker: Worker) -> bool:
    """It takes no new job; what runs goes on. False: it drains already, or is gone."""
    return bool(Worker.objects.filter(pk=worker.pk, draining_requested=False).update(draining_requested=True))


def drains(worker: UUID | None) -> bool:
    """Whether it was asked to take nothing new."""
    return worker is not None and Worker.objects.draining().filter(pk=worker).exists()


def hand_back(worker: Worker) -> bool:
    """Its jobs save a checkpoint and go back to the queue. False: that was asked before, or it does not drain."""
    draining = Worker.objects.draining().filter(pk=worker.pk, handing_back_requested=False)
    return bool(draining.update(handing_back_requested=True))


def resume(worker: Worker) -> bool:
    """It takes jobs again. False: it did not drain."""
    won = Worker.objects.draining().filter(pk=worker.pk)
    if not won.update(draining_requested=False, handing_back_requested=False):
        return False
    for queue in worker.queue_names:
        dispatch.publish(queue)
    return True


def forget_silent() -> int:
    """Remove the records of workers that ended without a word, long ago."""
    return Worker.objects.filter(heartbeat_at__lt=Now() - FORGOTTEN_AFTER).delete()[0]
