"""A slot of a worker: once woken it takes one job after the other, as long as there are some that it can run."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from training_jobs import dispatch, execution, leases, model_turns, room
from training_jobs.cards import Held, choosing
from training_jobs.execution import Attempt
from training_jobs.leases import Lease
from training_methods.flags import Flag
from training_methods.trainers.keeper import clock

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Slot:
    """`cards` has the ids of the machine's GPUs that this worker may use; `leaving` is set when it has to leave.

    `warm_parent_at` is where the worker's warm parent listens.
    """

    worker: UUID
    queues: tuple[str, ...]
    cards: tuple[str, ...]
    threads: int
    leaving: Flag
    warm_parent_at: Path | None = None

    def work(self) -> None:
        """Between two trains one person gets a turn who waits to use a customized model."""
        while not self.leaving.is_set():
            model_turns.run_oldest(self.worker, self.queues, self.cards, self.leaving, self.threads)
            if self.leaving.is_set() or not self.run_next():
                return

    def run_next(self) -> bool:
        """False: nothing waits that this slot can run, or the disk has no room for a training."""
        if too_full := room.too_full_to_start():
            logger.warning("%s", too_full)
            return False
        asked = clock()
        if not self.cards:
            lease = self.claim(free_cards=None)
            if lease:
                self.perform(lease, asked)
            return lease is not None
        with self.with_cards() as (lease, held):
            if lease:
                self.perform(lease, asked, list(held))
        if lease and held:  # other slots may have waited for these cards
            dispatch.publish(self.queues[0])
        return lease is not None

    def perform(self, lease: Lease, asked: float, devices: list[str] | None = None) -> None:
        attempt = Attempt(lease, self.leaving, claimed=asked, warm_parent_at=self.warm_parent_at)
        execution.perform(attempt, threads=self.threads, devices=devices)

    @contextmanager
    def with_cards(self) -> Iterator[tuple[Lease | None, Held]]:
        with choosing(self.cards) as free:
            lease = self.claim(free_cards=len(free))
            kept = free.keep(needed(lease))
        with kept:
            yield lease, kept

    def claim(self, *, free_cards: int | None) -> Lease | None:
        owner = leases.new_owner()
        return leases.claim_next(owner, queues=self.queues, worker=self.worker, free_cards=free_cards)


def needed(lease: Lease | None) -> int:
    """Cards. A job that does not say how many takes one where there are any."""
    if lease is None:
        return 0
    return 1 if lease.gpus is None else lease.gpus
